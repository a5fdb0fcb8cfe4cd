import coincident from 'coincident/window/main';

globalThis.domDrivers ??= {};
globalThis.domDrivers.coincident = async script => {
  const {proxy} = new (coincident().Worker)(script);
  return (perTurn, turns) => proxy.fill(turns, perTurn);
};
