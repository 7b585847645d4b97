/** A write key, shortened: it stands in web pages, so it is no secret. The copy is whole. */

import { CopyButton } from "../CopyButton";

const SHOWN = 14;

export function WriteKey({ writeKey, whole = false }: { writeKey: string; whole?: boolean }) {
  return (
    <span className="write-key">
      <code title={writeKey}>{whole ? writeKey : `${writeKey.slice(0, SHOWN)}…`}</code>
      <CopyButton text={writeKey} label="Copy the write key" />
    </span>
  );
}
