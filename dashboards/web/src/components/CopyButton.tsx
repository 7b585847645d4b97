/** Copies a text; says so for a moment, to screen readers as well. */

import { useEffect, useState } from "react";
import { Icon } from "./Icon";

const TOLD_MS = 2000;

type Outcome = "none" | "copied" | "failed";

export function CopyButton({ text, label, testId }: { text: string; label: string; testId?: string }) {
  const [outcome, setOutcome] = useState<Outcome>("none");
  useEffect(() => {
    if (outcome === "none") return;
    const timer = setTimeout(() => setOutcome("none"), TOLD_MS);
    return () => clearTimeout(timer);
  }, [outcome]);

  const copy = async (): Promise<void> => {
    try {
      // Without https, except on this machine, browsers have no clipboard.
      await navigator.clipboard.writeText(text);
      setOutcome("copied");
    } catch {
      setOutcome("failed");
    }
  };
  const told = { none: "", copied: "Copied", failed: "Select it and copy by hand" }[outcome];
  return (
    <span className="copy">
      <button
        type="button"
        className="icon-button small-icon"
        aria-label={label}
        title={told || label}
        data-outcome={outcome}
        data-testid={testId}
        onClick={() => void copy()}
      >
        <Icon name={outcome === "copied" ? "check" : outcome === "failed" ? "cross" : "copy"} size={15} />
      </button>
      <span className="visually-hidden" role="status">
        {told}
      </span>
    </span>
  );
}
