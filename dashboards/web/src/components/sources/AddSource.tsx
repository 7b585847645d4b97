/** A new source: what it is, its name, and a vendor's secret. */

import { useState } from "react";
import type { Source } from "../../client/door";
import { sendJson } from "../../client/http";
import { isVendor, kindLabel } from "../../lib/door";
import { ErrorNote } from "../ErrorNote";
import { Field, Form, SecretField, TextField } from "../Field";
import { Modal } from "../Modal";
import { useAction } from "../useAction";

interface Props {
  kinds: readonly string[];
  onAdded: (source: Source) => void;
  onClose: () => void;
}

const FIELDS = ["kind", "name", "webhook_secrets", "secret"];

export function AddSource({ kinds, onAdded, onClose }: Props) {
  const [kind, setKind] = useState("web");
  const [name, setName] = useState("");
  const [secret, setSecret] = useState("");
  const { error, run } = useAction();
  const told = (...fields: string[]): string | undefined =>
    error && fields.includes(error.field) ? error.problem : undefined;

  const add = (): Promise<boolean> =>
    run(async () => {
      const webhook_secrets = isVendor(kind) && secret.trim() ? [secret.trim()] : [];
      onAdded(await sendJson<Source>("POST", "/api/sources", { kind, name: name.trim(), webhook_secrets }));
    });
  return (
    <Modal label="Add a source" shape="drawer" testId="add-source" onClose={onClose}>
      <header className="drawer-head">
        <h2>Add a source</h2>
        <p className="soft">A website, a server or a platform that sends events.</p>
      </header>
      <Form className="form" error={error} onSubmit={() => void add()}>
        <KindField kinds={kinds} kind={kind} error={told("kind")} onChange={setKind} />
        <TextField
          label="Name"
          help="Its id is made of the name and never changes."
          error={told("name")}
          testId="new-name"
          maxLength={200}
          value={name}
          onChange={setName}
        />
        {isVendor(kind) && (
          <SecretField
            label="Webhook secret"
            help={`As ${kindLabel(kind)} shows it. Without it nothing that comes can be believed.`}
            error={told("webhook_secrets", "secret")}
            testId="new-secret"
            value={secret}
            onChange={setSecret}
          />
        )}
        {error && !FIELDS.includes(error.field) && <ErrorNote error={error} />}
        <div className="button-row form-foot">
          <button type="submit" className="button" data-tone="solid" data-testid="add-source-submit">
            Add the source
          </button>
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
        </div>
      </Form>
    </Modal>
  );
}

interface KindProps {
  kinds: readonly string[];
  kind: string;
  error: string | undefined;
  onChange: (kind: string) => void;
}

function KindField({ kinds, kind, error, onChange }: KindProps) {
  const vendors = kinds.filter(isVendor).sort((a, b) => kindLabel(a).localeCompare(kindLabel(b)));
  return (
    <Field label="What is it?" error={error} testId="new-kind">
      {(control) => (
        <select {...control} value={kind} onChange={(event) => onChange(event.target.value)}>
          {kinds.includes("web") && <option value="web">Website, with the pixel</option>}
          {kinds.includes("server") && <option value="server">Server or app, with a Segment library</option>}
          <optgroup label="Platforms, by webhook">
            {vendors.map((vendor) => (
              <option key={vendor} value={vendor}>
                {kindLabel(vendor)}
              </option>
            ))}
          </optgroup>
        </select>
      )}
    </Field>
  );
}
