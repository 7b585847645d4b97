/** The two ways to mend a letter: changes of its fields, or its text. */

import type { ReactNode } from "react";
import { Segmented } from "../Segmented";

export type Way = "fields" | "text";

const WAYS = [
  { value: "fields", label: "Change fields" },
  { value: "text", label: "Edit the text", testId: "edit-text" },
] as const;

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
        <Segmented label="How to mend it" shape="small" choices={WAYS} value={way} onChange={onWay} />
      )}
      {children}
    </>
  );
}
