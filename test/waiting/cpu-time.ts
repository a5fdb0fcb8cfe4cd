/** The processor time of this process, in ms. It does not depend on the load of the machine. */
export function cpuTime(): number {
  const {user, system} = process.cpuUsage();
  return (user + system) / 1000;
}
