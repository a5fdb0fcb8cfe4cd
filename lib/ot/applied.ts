/** The part of an OT type that applies ops. */
interface Applying {
  apply(data: unknown, op: unknown): unknown;
}

/** Applies ops to data, in order. @throws what the type throws */
export const appliedTo = (data: unknown, type: Applying, ops: readonly {op?: unknown}[]): unknown =>
  ops.reduce((made, {op}) => type.apply(made, op), data);
