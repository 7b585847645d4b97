/** How a source is connected: the snippet for pages, a first call for servers, the address for vendors. */

import { useEffect, useState } from "react";
import type { Source } from "../../client/door";
import { getText } from "../../client/http";
import { isVendor, kindLabel } from "../../lib/door";
import { isLocal, pageSnippet, serverSnippet } from "../../lib/snippets";
import { CopyButton } from "../CopyButton";
import { Section } from "../Section";

export function ConnectSection({ source }: { source: Source }) {
  const { origin, hostname } = window.location;
  const stub = useStub(source.kind === "web");
  const key = source.write_keys[0] ?? "";
  return (
    <Section title="Connect">
      {isVendor(source.kind) ? (
        <>
          <p className="soft">Enter this address as webhook where {kindLabel(source.kind)} asks for one:</p>
          <CodeLine
            text={origin + source.webhook_path}
            label="Copy the webhook address"
            testId="webhook-address"
          />
        </>
      ) : source.kind === "web" ? (
        <>
          <p className="soft">Put this into the head of every page:</p>
          <CodeLine text={pageSnippet(origin, key, stub)} label="Copy the snippet" testId="snippet" />
        </>
      ) : (
        <>
          <p className="soft">Use the write key with any Segment library, or try it at once:</p>
          <CodeLine text={serverSnippet(origin, key)} label="Copy the command" testId="snippet" />
        </>
      )}
      {isLocal(hostname) && (
        <p className="field-help">
          {hostname} is this machine alone. From elsewhere, put the public address of CampaignIQ in its place.
        </p>
      )}
    </Section>
  );
}

function CodeLine({ text, label, testId }: { text: string; label: string; testId: string }) {
  return (
    <figure className="code short">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolling region needs focus to be scrolled by keys */}
      <section tabIndex={0} aria-label={label.replace("Copy the ", "")}>
        <pre data-testid={testId}>{text}</pre>
      </section>
      <CopyButton text={text} label={label} testId={`copy-${testId}`} />
    </figure>
  );
}

/** The part of the snippet that stands in the page itself; without it, early calls of the page are lost. */
function useStub(isWanted: boolean): string {
  const [stub, setStub] = useState("");
  useEffect(() => {
    if (!isWanted) return;
    const abort = new AbortController();
    getText("/stub.js", abort.signal).then(setStub, () => setStub(""));
    return () => abort.abort();
  }, [isWanted]);
  return stub;
}
