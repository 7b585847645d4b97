/** A link to another view of the page: without a reload, and an ordinary link for everything else one does with links. */

import type { ComponentProps, MouseEvent } from "react";
import { goTo } from "../lib/route";

interface Props extends ComponentProps<"a"> {
  href: string;
}

export function Link({ href, onClick, ...rest }: Props) {
  const follow = (event: MouseEvent<HTMLAnchorElement>): void => {
    onClick?.(event);
    const elsewhere = event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.button !== 0;
    if (event.defaultPrevented || elsewhere) return;
    event.preventDefault();
    goTo(href);
  };
  return <a href={href} onClick={follow} {...rest} />;
}
