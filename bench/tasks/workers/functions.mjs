/* The functions that every library runs. */
export const empty = () => {};
export const increment = value => value + 1;
export const spin = ms => {
  const end = performance.now() + ms;
  while (performance.now() < end);
};
export const echo = buffer => buffer;
/** Never ends. Stores 1 in the shared array when it runs. */
export const loop = shared => { Atomics.store(shared, 0, 1); for (;;); };
