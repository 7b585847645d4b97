/** A few choices side by side, of which one holds. */

import type { ReactNode } from "react";

export interface Choice<T extends string> {
  value: T;
  label: ReactNode;
  help?: string;
  testId?: string;
}

interface Props<T extends string> {
  /** What is chosen, for those who can't see it. */
  label: string;
  choices: readonly Choice<T>[];
  value: T;
  shape?: string;
  onChange: (value: T) => void;
}

export function Segmented<T extends string>(props: Props<T>) {
  const { label, choices, value, shape = "", onChange } = props;
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset would lay it out differently and means no more
    <div className={`segmented ${shape}`} role="group" aria-label={label}>
      {choices.map((choice) => (
        <button
          key={choice.value}
          type="button"
          aria-pressed={choice.value === value}
          title={choice.help}
          data-testid={choice.testId}
          onClick={() => onChange(choice.value)}
        >
          {choice.label}
        </button>
      ))}
    </div>
  );
}
