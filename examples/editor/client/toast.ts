/** A short message at the bottom, with an action. */
import {element} from './page.js';

const toast = element('toast');
const text = element('toast-text');
const button = element('toast-action', HTMLButtonElement);

let timer: ReturnType<typeof setTimeout> | undefined;

export function showToast(message: string, action?: {label: string; run: () => void}): void {
  clearTimeout(timer);
  text.textContent = message;
  button.hidden = !action;
  button.textContent = action?.label ?? '';
  button.onclick = () => {
    toast.hidden = true;
    action?.run();
  };
  toast.hidden = false;
  timer = setTimeout(hide, 8000);
}

/** Stays while it has the pointer or the focus: the user may be about to press the button. */
function hide(): void {
  if (toast.matches(':hover, :focus-within')) timer = setTimeout(hide, 1000);
  else toast.hidden = true;
}
