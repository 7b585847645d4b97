/** The controls of a policy. Each stands beside what it does and what the API found wrong with it. */

import type { ApiError } from "../../client/http";
import type { PolicyForm } from "../../lib/policyForm";
import { Field, Toggle } from "../Field";

interface Props {
  kind: string;
  form: PolicyForm;
  error: ApiError | null;
  onChange: (form: PolicyForm) => void;
}

type Lists = "allowed_origins" | "drop_fields" | "hash_fields";
type Numbers = "rate_per_s" | "burst";
type Choices = "schemas" | "address" | "uncounted";

const CHOICES: { field: Choices; label: string; help: string; options: [string, string][] }[] = [
  {
    field: "schemas",
    label: "Events that break their schema",
    help: "A schema is put with `campaigniq sources schema put`.",
    options: [
      ["off", "are not judged"],
      ["warn", "are taken and marked"],
      ["block", "are refused and kept as dead letters"],
    ],
  },
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
    return isIt ? withoutPath(error.message) : undefined;
  };
  const list = (field: Lists, label: string, help: string, placeholder: string) => (
    <Field label={label} help={help} error={told(field)} testId={`policy-${field}`}>
      {(control) => (
        <textarea
          {...control}
          rows={Math.min(6, Math.max(2, form[field].split("\n").length))}
          spellCheck={false}
          placeholder={placeholder}
          value={form[field]}
          onChange={(event) => onChange({ ...form, [field]: event.target.value })}
        />
      )}
    </Field>
  );
  const number = (field: Numbers, label: string, help: string) => (
    <Field label={label} help={help} error={told(field)} testId={`policy-${field}`}>
      {(control) => (
        <input
          {...control}
          inputMode="decimal"
          value={form[field]}
          onChange={(event) => onChange({ ...form, [field]: event.target.value })}
        />
      )}
    </Field>
  );
  return (
    <>
      {kind === "web" &&
        list(
          "allowed_origins",
          "Pages that may use the key",
          "One origin a line; none: any page.",
          "https://shop.example\n*.shop.example",
        )}
      <div className="field-pair">
        {number("rate_per_s", "Messages a second", "Beyond it: 429, try again.")}
        {number("burst", "At once", "After a quiet while.")}
      </div>
      {list(
        "drop_fields",
        "Fields that are never kept",
        "Properties and traits, one a line.",
        "traits.ssn\ncard",
      )}
      {list(
        "hash_fields",
        "Fields that are kept as a hash",
        "Equal values stay equal and tell nothing.",
        "email",
      )}
      {CHOICES.map(({ field, label, help, options }) => (
        <Field key={field} label={label} help={help} error={told(field)} testId={`policy-${field}`}>
          {(control) => (
            <select
              {...control}
              value={form[field]}
              onChange={(event) => onChange({ ...form, [field]: event.target.value })}
            >
              {options.map(([value, words]) => (
                <option key={value} value={value}>
                  {words}
                </option>
              ))}
            </select>
          )}
        </Field>
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

/** The path is told by the field's place. */
const withoutPath = (message: string): string => {
  const rest = message.replace(/^policy\.[\w.[\]]+: /, "");
  return rest.charAt(0).toUpperCase() + rest.slice(1);
};
