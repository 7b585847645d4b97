/** The controls of a policy. Each stands beside what it does and what the API found wrong with it. */

import type { ApiError } from "../../client/http";
import type { PolicyForm } from "../../lib/policyForm";
import { Field, TextField, Toggle } from "../Field";

interface Props {
  kind: string;
  form: PolicyForm;
  error: ApiError | null;
  onChange: (form: PolicyForm) => void;
}

type Lists = "allowed_origins" | "drop_fields" | "hash_fields";
type Numbers = "rate_per_s" | "burst";
type Choices = "address" | "uncounted";

const CHOICES: { field: Choices; label: string; help: string; options: [string, string][] }[] = [
  {
    field: "address",
    label: "Network addresses of visitors",
    help: "Shortened: the /24 network, of IPv6 the /48.",
    options: [
      ["truncate", "are shortened"],
      ["keep", "are kept whole"],
      ["drop", "are not kept"],
    ],
  },
  {
    field: "uncounted",
    label: "Whose events don't count",
    help: "They are kept and shown, and make no profile, score or total.",
    options: [
      ["crawlers", "crawlers, which say what they are"],
      ["bots", "all bots, also browsers that a program drives"],
      ["nobody", "nobody's: all count"],
    ],
  },
];

export function PolicyFields({ kind, form, error, onChange }: Props) {
  const told = (field: string): string | undefined => {
    const isIt =
      error !== null && (error.field === `policy.${field}` || error.field.startsWith(`policy.${field}[`));
    return isIt ? error.problem : undefined;
  };
  const part = (field: Lists | Numbers | Choices) => ({
    field,
    error: told(field),
    value: form[field],
    onChange: (value: string) => onChange({ ...form, [field]: value }),
  });
  return (
    <>
      {kind === "web" && (
        <ListField
          {...part("allowed_origins")}
          label="Pages that may use the key"
          help="One origin a line; none: any page."
          placeholder={"https://shop.example\n*.shop.example"}
        />
      )}
      <div className="field-pair">
        <NumberField {...part("rate_per_s")} label="Messages a second" help="Beyond it: 429, try again." />
        <NumberField {...part("burst")} label="At once" help="After a quiet while." />
      </div>
      <ListField
        {...part("drop_fields")}
        label="Fields that are never kept"
        help="Properties and traits, one a line."
        placeholder={"traits.ssn\ncard"}
      />
      <ListField
        {...part("hash_fields")}
        label="Fields that are kept as a hash"
        help="Equal values stay equal and tell nothing."
        placeholder="email"
      />
      {CHOICES.map((choice) => (
        <ChoiceField key={choice.field} {...part(choice.field)} {...choice} />
      ))}
      <Toggle
        label="Honour opt-out signals"
        help="What comes with Global Privacy Control or Do Not Track is not recorded."
        checked={form.honours_opt_out}
        onChange={(honours_opt_out) => onChange({ ...form, honours_opt_out })}
      />
    </>
  );
}

interface PartProps {
  field: string;
  label: string;
  help: string;
  error: string | undefined;
  value: string;
  onChange: (value: string) => void;
}

function ListField({
  field,
  label,
  help,
  error,
  value,
  placeholder,
  onChange,
}: PartProps & { placeholder: string }) {
  return (
    <Field label={label} help={help} error={error} testId={`policy-${field}`}>
      {(control) => (
        <textarea
          {...control}
          rows={Math.min(6, Math.max(2, value.split("\n").length))}
          spellCheck={false}
          placeholder={placeholder}
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}

const NumberField = ({ field, ...rest }: PartProps) => (
  <TextField {...rest} testId={`policy-${field}`} inputMode="decimal" />
);

function ChoiceField({
  field,
  label,
  help,
  error,
  value,
  options,
  onChange,
}: PartProps & { options: readonly [string, string][] }) {
  return (
    <Field label={label} help={help} error={error} testId={`policy-${field}`}>
      {(control) => (
        <select {...control} value={value} onChange={(event) => onChange(event.target.value)}>
          {options.map(([name, words]) => (
            <option key={name} value={name}>
              {words}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}
