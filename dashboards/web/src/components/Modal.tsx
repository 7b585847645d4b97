/**
 * A native modal dialog: the browser keeps the focus inside, and Escape or a click beside it closes it. It asks before
 * that where something in it is typed and not saved.
 */

import {
  createContext,
  type ReactNode,
  useContext,
  useEffect,
  useId,
  useLayoutEffect,
  useRef,
  useState,
} from "react";
import { Icon } from "./Icon";

interface Props {
  label: string;
  shape: "drawer" | "sheet";
  testId: string;
  onClose: () => void;
  children: ReactNode;
}

/** What in the dialog would be lost with it. */
const Unsaved = createContext(new Set<string>());

/** Says whether closing the dialog around would lose what was typed here. */
export function useUnsaved(isUnsaved: boolean): void {
  const all = useContext(Unsaved);
  const id = useId();
  useEffect(() => {
    if (!isUnsaved) return;
    all.add(id);
    return () => void all.delete(id);
  }, [all, id, isUnsaved]);
}

export function Modal({ label, shape, testId, onClose, children }: Props) {
  const ref = useRef<HTMLDialogElement>(null);
  const [unsaved] = useState(() => new Set<string>());
  const [isAsking, setAsking] = useState(false);
  const lastFocus = useRef<HTMLElement>(null);

  // Closed while it is still in the page, or the focus would not go back to what opened it.
  useLayoutEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);

  const close = (): void => (unsaved.size > 0 ? setAsking(true) : onClose());
  const keep = (): void => {
    setAsking(false);
    lastFocus.current?.focus();
  };
  return (
    <dialog
      ref={ref}
      className={`modal ${shape}`}
      aria-label={label}
      data-testid={testId}
      onFocus={({ target, currentTarget }) => {
        // A click beside it focuses the dialog itself. Who goes back to what they typed has answered the question.
        if (target === currentTarget || target.closest(".modal-question")) return;
        lastFocus.current = target;
        setAsking(false);
      }}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || event.defaultPrevented || unsaved.size === 0) return;
        event.preventDefault();
        if (isAsking) keep();
        else close();
      }}
      onCancel={(event) => {
        if (unsaved.size > 0) event.preventDefault();
        close();
      }}
      // Told to twice, a browser closes it without asking us.
      onClose={() => ref.current && !ref.current.open && onClose()}
      onClick={(event) => event.target === event.currentTarget && close()}
    >
      <div className="modal-body">
        <button type="button" className="icon-button modal-close" aria-label="Close" onClick={close}>
          <Icon name="cross" size={18} />
        </button>
        <Unsaved value={unsaved}>{children}</Unsaved>
        {isAsking && <Question onKeep={keep} onDiscard={onClose} />}
      </div>
    </dialog>
  );
}

function Question({ onKeep, onDiscard }: { onKeep: () => void; onDiscard: () => void }) {
  const first = useRef<HTMLButtonElement>(null);
  useEffect(() => first.current?.focus(), []);
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset would lay it out differently and means no more
    <div className="confirm modal-question" role="group" aria-label="Are you sure?">
      <p>What you have typed is not saved.</p>
      <div className="button-row">
        <button
          ref={first}
          type="button"
          className="button"
          data-tone="solid"
          data-testid="keep"
          onClick={onKeep}
        >
          Keep editing
        </button>
        <button type="button" className="button" data-tone="bad" data-testid="discard" onClick={onDiscard}>
          Discard it
        </button>
      </div>
    </div>
  );
}
