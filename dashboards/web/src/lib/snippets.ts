/** What is copied into web pages, servers and vendors' forms to connect a source. Pure. */

/** The page's snippet, as docs/pixel.md has it; `stub` is the text of /stub.js, "" where the pixel is not built. */
export function pageSnippet(origin: string, writeKey: string, stub: string): string {
  const lines = [
    stub.trim() && `<script>${stub.trim()}</script>`,
    `<script async src="${origin}/pixel.js" data-key="${writeKey}"></script>`,
    `<noscript><img src="${origin}/p.gif?k=${writeKey}&amp;n=1" alt="" width="1" height="1"></noscript>`,
  ];
  return lines.filter(Boolean).join("\n");
}

export function serverSnippet(origin: string, writeKey: string): string {
  const body =
    '{"event": "Order Completed", "userId": "user-7", "properties": {"order_id": "1001", "revenue": 49.9, "currency": "EUR"}}';
  return [
    `curl ${origin}/v1/track -u ${writeKey}: \\`,
    "  -H 'Content-Type: application/json' \\",
    `  -d '${body}'`,
  ].join("\n");
}

/** Whether others can't reach an address: then it is no use to a vendor or to a visitor. */
export const isLocal = (hostname: string): boolean =>
  hostname === "localhost" ||
  hostname === "[::1]" ||
  /^127(\.\d+){3}$/.test(hostname) ||
  hostname.endsWith(".localhost");
