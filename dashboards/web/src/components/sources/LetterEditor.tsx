/** The two ways to mend a letter: changes of its fields, or its text. */

import type { ReactNode } from "react";

export type Way = "fields" | "text";

interface EditorProps {
  way: Way;
  canEditText: boolean;
  onWay: (way: Way) => void;
  children: ReactNode;
}

export function Editor({ way, canEditText, onWay, children }: EditorProps) {
  return (
    <>
      {canEditText && (
        // biome-ignore lint/a11y/useSemanticElements: a fieldset would lay it out differently and means no more
        <div className="segmented small" role="group" aria-label="How to mend it">
          <button type="button" aria-pressed={way === "fields"} onClick={() => onWay("fields")}>
            Change fields
          </button>
          <button
            type="button"
            aria-pressed={way === "text"}
            data-testid="edit-text"
            onClick={() => onWay("text")}
          >
            Edit the text
          </button>
        </div>
      )}
      {children}
    </>
  );
}

interface TextProps {
  text: string;
  problem: string;
  onChange: (text: string) => void;
}

export function TextEditor({ text, problem, onChange }: TextProps) {
  return (
    <div className="field" data-wrong={problem !== ""}>
      <textarea
        className="raw-editor"
        aria-label="The letter's JSON"
        aria-invalid={problem !== ""}
        aria-describedby="raw-problem"
        rows={Math.min(18, Math.max(5, text.split("\n").length + 1))}
        spellCheck={false}
        autoCapitalize="off"
        value={text}
        data-testid="raw-editor"
        onChange={(event) => onChange(event.target.value)}
      />
      <p id="raw-problem" className={problem ? "field-error" : "field-help"} role="status">
        {problem
          ? `No JSON yet: ${problem}`
          : "Replaces the whole body. Numbers are sent as they stand here."}
      </p>
    </div>
  );
}
