/** A source's keys and secrets: a new one, and the end of the one before. Each step asks first. */

import { useState } from "react";
import type { Source } from "../../client/door";
import { sendJson } from "../../client/http";
import { isVendor, kindLabel } from "../../lib/door";
import { plural } from "../../lib/format";
import { Confirm } from "../Confirm";
import { ErrorNote } from "../ErrorNote";
import { Form, SecretField } from "../Field";
import { Section } from "../Section";
import { Ago } from "../times";
import { useAction } from "../useAction";
import { WriteKey } from "./WriteKey";

interface Props {
  source: Source;
  path: string;
  onChanged: () => void;
}

export function KeysSection({ source, path, onChanged }: Props) {
  return isVendor(source.kind) ? (
    <Secrets source={source} path={path} onChanged={onChanged} />
  ) : (
    <WriteKeys source={source} path={path} onChanged={onChanged} />
  );
}

/** How long the newest key has been the newest. */
function Rotated({ source: { rotated_ms, write_keys } }: { source: Source }) {
  if (rotated_ms === null) return <>the first one</>;
  return (
    <>
      {write_keys.length > 1 ? "rotation under way, begun" : "rotated"} <Ago at={rotated_ms} />
    </>
  );
}

/** Rotates or retires, and has the source read anew. */
function useChange(path: string, onChanged: () => void) {
  const { error, run } = useAction();
  const change = (what: "rotate" | "retire", body: object = {}): Promise<boolean> =>
    run(async () => {
      await sendJson("POST", `${path}/${what}`, body);
      onChanged();
    });
  return { error, change };
}

function WriteKeys({ source, path, onChanged }: Props) {
  const { error, change } = useChange(path, onChanged);
  const [newest, older] = source.write_keys;
  return (
    <Section title="Write key" aside={<Rotated source={source} />}>
      <ul className="keys" data-testid="keys">
        {newest && (
          <li data-key-state="newest">
            <WriteKey writeKey={newest} whole /> {older && <span className="note">new</span>}
          </li>
        )}
        {older && (
          <li data-key-state="older">
            <WriteKey writeKey={older} whole />{" "}
            <span className="note" data-tone="warm">
              waits to be retired
            </span>
          </li>
        )}
      </ul>
      <p className="field-help">
        {older
          ? "Both keys work. Put the new one everywhere, then retire the older one."
          : "It says where events belong, not who sends them, so it may stand in pages. A new key does not end this one: both work until you retire it."}
      </p>
      {older ? (
        <Confirm
          label="Retire the older key"
          question="Whatever still sends with the older key is refused within two seconds. This can't be undone."
          action="Retire it"
          tone="bad"
          testId="retire-key"
          onConfirm={() => void change("retire")}
        />
      ) : (
        <Confirm
          label="Make a new key"
          question="A new write key is made. The key of today goes on working until you retire it."
          action="Make a new key"
          testId="rotate-key"
          onConfirm={() => void change("rotate")}
        />
      )}
      <ErrorNote error={error} />
    </Section>
  );
}

function Secrets({ source, path, onChanged }: Props) {
  const [secret, setSecret] = useState("");
  const { error, change } = useChange(path, onChanged);
  const live = source.webhook_secrets;
  const atSecret = error?.field === "secret";
  const rotate = async (): Promise<void> => {
    if (await change("rotate", { secret })) setSecret("");
  };
  return (
    <Section title="Webhook secrets" aside={<Rotated source={source} />}>
      <Form className="inline-form" error={error} onSubmit={() => void rotate()}>
        <SecretField
          label="New secret"
          help={`Make it known here first, then switch ${kindLabel(source.kind)} to it. Secrets are shown to nobody again.`}
          error={atSecret ? error.problem : undefined}
          testId="secret-field"
          value={secret}
          onChange={setSecret}
        />
        <button type="submit" className="button" disabled={secret.trim() === ""} data-testid="rotate-secret">
          Add the secret
        </button>
      </Form>
      <p className="field-help">{plural(live, "secret is", "secrets are")} live.</p>
      {live > 1 && (
        <Confirm
          label="Retire the older secrets"
          question="Webhooks that are signed with an older secret are refused within two seconds. This can't be undone."
          action="Retire them"
          tone="bad"
          testId="retire-secrets"
          onConfirm={() => void change("retire", { what: "secrets" })}
        />
      )}
      {!atSecret && <ErrorNote error={error} />}
    </Section>
  );
}
