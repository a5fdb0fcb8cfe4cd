/* What every library runs: the same functions. */
export const empty = () => {};
export const increment = value => value + 1;
export const spin = ms => {
  const end = performance.now() + ms;
  while (performance.now() < end);
};
export const echo = buffer => buffer;
/** Never ends, and says that it runs. */
export const loop = shared => { Atomics.store(shared, 0, 1); for (;;); };
