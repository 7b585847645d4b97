/** A button that asks first. The question stands where the button was, and the focus goes with it. */

import { type ReactNode, useEffect, useRef, useState } from "react";

interface Props {
  label: ReactNode;
  question: ReactNode;
  /** What the button says that does it. */
  action: string;
  tone?: "plain" | "solid" | "bad";
  disabled?: boolean;
  testId: string;
  onConfirm: () => void;
}

export function Confirm({
  label,
  question,
  action,
  tone = "plain",
  disabled = false,
  testId,
  onConfirm,
}: Props) {
  const [asking, setAsking] = useState(false);
  const opener = useRef<HTMLButtonElement>(null);
  const wasAsking = useRef(false);
  const firm = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (asking) firm.current?.focus();
    else if (wasAsking.current) opener.current?.focus();
    wasAsking.current = asking;
  }, [asking]);

  if (!asking) {
    return (
      <button
        ref={opener}
        type="button"
        className="button"
        data-tone={tone}
        data-testid={testId}
        disabled={disabled}
        onClick={() => setAsking(true)}
      >
        {label}
      </button>
    );
  }
  const answer = (isYes: boolean): void => {
    setAsking(false);
    if (isYes) onConfirm();
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset would lay it out differently and means no more
    <div
      className="confirm"
      role="group"
      aria-label="Are you sure?"
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.preventDefault(); // the drawer around it stays open
        event.stopPropagation();
        answer(false);
      }}
    >
      <p>{question}</p>
      <div className="button-row">
        <button
          ref={firm}
          type="button"
          className="button"
          data-tone={tone === "bad" ? "bad-solid" : "solid"}
          data-testid={`${testId}-confirm`}
          onClick={() => answer(true)}
        >
          {action}
        </button>
        <button type="button" className="button" onClick={() => answer(false)}>
          Cancel
        </button>
      </div>
    </div>
  );
}
