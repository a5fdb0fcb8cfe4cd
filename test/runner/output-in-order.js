/**
 * Prints what suites write while they run in parallel as if they ran one after the other: the output of the first one that has
 * not ended appears at once, that of the others when all before them have ended.
 */
export class OutputInOrder {
  #outputs = [];

  /** The output of the next suite: `write(stream, data)` until `end()`. */
  open() {
    const output = {
      held: [],
      ended: false,
      write: (stream, data) => {
        if (output === this.#outputs[0]) stream.write(data);
        else output.held.push([stream, data]);
      },
      end: () => {
        output.ended = true;
        this.#advance();
      }
    };
    this.#outputs.push(output);
    return output;
  }

  #advance() {
    while (this.#outputs[0]?.ended) {
      this.#outputs.shift();
      for (const [stream, data] of this.#outputs[0]?.held.splice(0) ?? []) stream.write(data);
    }
  }
}
