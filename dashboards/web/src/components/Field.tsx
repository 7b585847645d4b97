/** Forms, and their labelled controls, each with its help and what the API found wrong with it. */

import { type ComponentProps, type ReactNode, useEffect, useId, useRef } from "react";
import type { ApiError } from "../client/http";

export interface ControlProps {
  id: string;
  "aria-describedby": string;
  "aria-invalid": boolean;
}

interface Props {
  label: string;
  help?: ReactNode;
  error?: string | undefined;
  testId?: string | undefined;
  children: (control: ControlProps) => ReactNode;
}

export function Field({ label, help, error, testId, children }: Props) {
  const id = useId();
  const about = `${id}-about`;
  return (
    <div className="field" data-testid={testId} data-wrong={Boolean(error)}>
      <label htmlFor={id}>{label}</label>
      {children({ id, "aria-describedby": about, "aria-invalid": Boolean(error) })}
      {(error || help) && (
        <p id={about} className={error ? "field-error" : "field-help"} role={error ? "alert" : undefined}>
          {error || help}
        </p>
      )}
    </div>
  );
}

interface FormProps extends Omit<ComponentProps<"form">, "onSubmit"> {
  /** What the API said against what was sent last. */
  error?: ApiError | null;
  onSubmit: () => void;
}

/** A form that the page answers itself. What is wrong in it is the API's to say, and brings the focus to its field. */
export function Form({ error = null, onSubmit, ...rest }: FormProps) {
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (error) form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus();
  }, [error]);
  return (
    <form
      ref={form}
      noValidate
      {...rest}
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit();
      }}
    />
  );
}

interface TextProps
  extends Omit<Props, "children">,
    Omit<ComponentProps<"input">, keyof ControlProps | "children" | "onChange"> {
  value: string;
  onChange: (value: string) => void;
}

/** A line of text. */
export function TextField({ label, help, error, testId, onChange, ...input }: TextProps) {
  return (
    <Field label={label} help={help} error={error} testId={testId}>
      {(control) => <input {...control} {...input} onChange={(event) => onChange(event.target.value)} />}
    </Field>
  );
}

/** A line that nobody should read over a shoulder, nor a browser keep. */
export const SecretField = (props: TextProps) => (
  <TextField type="password" autoComplete="off" spellCheck={false} {...props} />
);

interface ToggleProps {
  label: string;
  help: ReactNode;
  checked: boolean;
  onChange: (checked: boolean) => void;
}

export function Toggle({ label, help, checked, onChange }: ToggleProps) {
  const id = useId();
  return (
    <div className="field toggle-field">
      <input
        id={id}
        type="checkbox"
        checked={checked}
        aria-describedby={`${id}-about`}
        onChange={(event) => onChange(event.target.checked)}
      />
      <label htmlFor={id}>{label}</label>
      <p id={`${id}-about`} className="field-help">
        {help}
      </p>
    </div>
  );
}
