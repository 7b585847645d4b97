/** JSON, or any text that came from outside: laid out, escaped by React, and never more than the page can bear. */

import { bounded, readable } from "../lib/fixes";
import { count } from "../lib/format";
import { CopyButton } from "./CopyButton";

const MOST_CHARACTERS = 20_000;

interface Props {
  text: string;
  label: string;
  testId?: string;
}

export function Json({ text, label, testId }: Props) {
  const { shown, left } = bounded(text.length <= MOST_CHARACTERS ? readable(text) : text, MOST_CHARACTERS);
  return (
    <figure className="code" data-testid={testId}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region needs focus to be scrolled by keys */}
      <section tabIndex={0} aria-label={label}>
        <pre>{shown}</pre>
      </section>
      {left > 0 && (
        <figcaption className="soft small">… {count(left)} more characters; copying takes all</figcaption>
      )}
      <CopyButton text={text} label={`Copy: ${label}`} />
    </figure>
  );
}
