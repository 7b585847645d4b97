/** One source from the side: how to connect it, its keys, its schemas, its policy, and its end. */

import type { Source } from "../../client/door";
import { sendJson } from "../../client/http";
import { kindLabel } from "../../lib/door";
import { Confirm } from "../Confirm";
import { EmptyState } from "../EmptyState";
import { ErrorNote } from "../ErrorNote";
import { Modal } from "../Modal";
import { Section } from "../Section";
import { useAction } from "../useAction";
import { ConnectSection } from "./ConnectSection";
import { KeysSection } from "./KeysSection";
import { PolicySection } from "./PolicySection";
import { SchemasSection } from "./SchemasSection";

interface Props {
  id: string;
  /** Null while the sources are being read. */
  sources: readonly Source[] | null;
  onChanged: () => void;
  onClose: () => void;
}

export function SourceDrawer({ id, sources, onChanged, onClose }: Props) {
  const source = sources?.find((one) => one.id === id);
  const path = `/api/sources/${encodeURIComponent(id)}`;
  return (
    <Modal
      label={source ? `Source ${source.name || id}` : "Source"}
      shape="drawer"
      testId="source-drawer"
      onClose={onClose}
    >
      {source ? (
        <>
          <header className="drawer-head">
            <h2>{source.name || id}</h2>
            <p className="soft">
              {kindLabel(source.kind)} · <code>{id}</code>
              {!source.is_enabled && " · turned off"}
            </p>
          </header>
          <ConnectSection source={source} />
          <KeysSection source={source} path={path} onChanged={onChanged} />
          <SchemasSection key={`schemas ${id}`} source={source} path={path} onChanged={onChanged} />
          <PolicySection key={id} source={source} path={path} onChanged={onChanged} />
          <EndSection source={source} path={path} onChanged={onChanged} onRemoved={onClose} />
        </>
      ) : (
        <EmptyState icon="question" title={sources ? "There is no such source" : "Reading…"}>
          {sources && `None of this workspace's sources is called “${id}”.`}
        </EmptyState>
      )}
    </Modal>
  );
}

interface EndProps {
  source: Source;
  path: string;
  onChanged: () => void;
  onRemoved: () => void;
}

function EndSection({ source, path, onChanged, onRemoved }: EndProps) {
  const { error, run } = useAction();
  const turn = (is_enabled: boolean): Promise<boolean> =>
    run(async () => {
      await sendJson("PATCH", path, { is_enabled });
      onChanged();
    });
  const remove = async (): Promise<void> => {
    const done = await run(async () => {
      await sendJson("DELETE", path, {});
      onChanged();
    });
    if (done) onRemoved();
  };
  return (
    <Section title={source.is_enabled ? "Turn off" : "Turned off"}>
      <div className="button-row">
        {source.is_enabled ? (
          <Confirm
            label="Turn the source off"
            question="Everything it sends is refused until you turn it on again. Keys and policy stay."
            action="Turn it off"
            tone="bad"
            testId="turn-off"
            onConfirm={() => void turn(false)}
          />
        ) : (
          <button
            type="button"
            className="button"
            data-tone="solid"
            data-testid="turn-on"
            onClick={() => void turn(true)}
          >
            Turn it on
          </button>
        )}
        <Confirm
          label="Remove for good"
          question={`“${source.name || source.id}” ends with its keys and secrets, for good; its id is never given again. What it has sent stays.`}
          action="Remove it"
          tone="bad"
          testId="remove-source"
          onConfirm={() => void remove()}
        />
      </div>
      <ErrorNote error={error} />
    </Section>
  );
}
