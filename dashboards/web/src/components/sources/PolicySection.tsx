/** Changes a source's name and policy. Sends what differs and nothing else. */

import { useState } from "react";
import type { Source } from "../../client/door";
import { sendJson } from "../../client/http";
import { changeOf, formOf } from "../../lib/policyForm";
import { ErrorNote } from "../ErrorNote";
import { Form, TextField } from "../Field";
import { useUnsaved } from "../Modal";
import { Section } from "../Section";
import { useAction } from "../useAction";
import { PolicyFields } from "./PolicyFields";

interface Props {
  source: Source;
  path: string;
  onChanged: () => void;
}

export function PolicySection({ source, path, onChanged }: Props) {
  const [before, setBefore] = useState(() => formOf(source.name, source.policy));
  const [form, setForm] = useState(before);
  const [saved, setSaved] = useState(false);
  const { error, run } = useAction();
  const change = changeOf(before, form);
  useUnsaved(change !== null);
  const isOfField = error !== null && (error.field === "name" || error.field.startsWith("policy."));

  const save = (): Promise<boolean> =>
    run(async () => {
      if (!change) return;
      const stored = await sendJson<Source>("PATCH", path, change);
      const now = formOf(stored.name, stored.policy);
      setBefore(now);
      setForm(now);
      setSaved(true);
      onChanged();
    });
  return (
    <Section title="Policy" aside="a change holds within two seconds">
      <Form
        className="form"
        data-testid="policy-form"
        error={error}
        onSubmit={() => void save()}
        onChange={() => setSaved(false)}
      >
        <TextField
          label="Name"
          error={error?.field === "name" ? error.problem : undefined}
          testId="policy-name"
          maxLength={200}
          value={form.name}
          onChange={(name) => setForm({ ...form, name })}
        />
        <PolicyFields kind={source.kind} form={form} error={error} onChange={setForm} />
        {!isOfField && <ErrorNote error={error} />}
        <div className="button-row form-foot" data-idle={!change}>
          <button
            type="submit"
            className="button"
            data-tone="solid"
            disabled={!change}
            data-testid="save-policy"
          >
            Save
          </button>
          <button type="button" className="button" disabled={!change} onClick={() => setForm(before)}>
            Undo changes
          </button>
          <span className="soft small" role="status">
            {saved
              ? "Saved."
              : isOfField
                ? "Not saved: see the field above."
                : change
                  ? "Not saved yet."
                  : ""}
          </span>
        </div>
      </Form>
    </Section>
  );
}
