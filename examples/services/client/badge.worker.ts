/** Controls a part of the page's DOM from a worker; its event handlers run here. */
import {handler, peek, recorder} from 'sharedb-tabs/remote';

const page = recorder<typeof globalThis>(self);
const {document} = page;
const button = document.createElement('button');
button.id = 'badge';
let clicks = 0;
const show = (): void => { button.textContent = `clicked ${clicks} times, counted in a worker`; };
button.onclick = handler((event: Event) => {
  clicks += (peek(event as never) as {shiftKey?: boolean}).shiftKey ? 10 : 1;
  show();
}, {stopPropagation: true});
show();
document.getElementById('badge-place').append(button);
