/** JSON as text to be changed. What is wrong with it stands below. */

import { type ReactNode, type Ref, useId } from "react";

interface Props {
  label: string;
  text: string;
  help: string;
  /** Empty where nothing is wrong. */
  problem: ReactNode;
  testId: string;
  ref?: Ref<HTMLTextAreaElement>;
  onChange: (text: string) => void;
}

export function JsonEditor({ label, text, help, problem, testId, ref, onChange }: Props) {
  const about = useId();
  const isWrong = Boolean(problem);
  return (
    <div className="field" data-wrong={isWrong}>
      <textarea
        ref={ref}
        className="raw-editor"
        aria-label={label}
        aria-invalid={isWrong}
        aria-describedby={about}
        rows={Math.min(18, Math.max(5, text.split("\n").length + 1))}
        spellCheck={false}
        autoCapitalize="off"
        value={text}
        data-testid={testId}
        onChange={(event) => onChange(event.target.value)}
      />
      <p
        id={about}
        className={isWrong ? "field-error" : "field-help"}
        role="status"
        data-testid={`${testId}-about`}
      >
        {problem || help}
      </p>
    </div>
  );
}
