/** A native modal dialog: the browser keeps the focus inside, and Escape or a click beside it closes it. */

import { type ReactNode, useLayoutEffect, useRef } from "react";
import { Icon } from "./Icon";

interface Props {
  label: string;
  shape: "drawer" | "sheet";
  testId: string;
  onClose: () => void;
  children: ReactNode;
}

export function Modal({ label, shape, testId, onClose, children }: Props) {
  const ref = useRef<HTMLDialogElement>(null);

  // Closed while it is still in the page, or the focus would not go back to what opened it.
  useLayoutEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);

  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape closes a modal dialog without our help
    <dialog
      ref={ref}
      className={`modal ${shape}`}
      aria-label={label}
      data-testid={testId}
      onCancel={onClose}
      onClick={(event) => event.target === event.currentTarget && onClose()}
    >
      <div className="modal-body">
        <button type="button" className="icon-button modal-close" aria-label="Close" onClick={onClose}>
          <Icon name="cross" size={18} />
        </button>
        {children}
      </div>
    </dialog>
  );
}
