import type {OpenPair, Pair} from './pairs.js';
import {Recording, type Doc} from './recording.js';
import {COLLECTION, ContractStage} from './stage.js';
import type {Client} from './subjects.js';

/** A stage with a third client: the actor, which the recorded client watches, in addition to the remote client. */
export class PairStage extends ContractStage {
  readonly actor: Client;

  private constructor(pair: {current: Pair | undefined}, open: OpenPair, recording: Recording, options?: object) {
    super((backend, warn) => {
      pair.current = open(backend, warn);
      return {...pair.current, connection: pair.current.watcher};
    }, recording, options);
    this.actor = pair.current!.actor;
    this.actor.on('connected', () => recording.name(this.actor.id, 'the actor'));
    this.actor.on('error', error => this.note('the actor\'s connection error', error));
  }

  static async open(open: OpenPair, recording = new Recording(), options?: object): Promise<PairStage> {
    const stage = new PairStage({current: undefined}, open, recording, options);
    await stage.connected();
    if (stage.actor.state !== 'connected') await new Promise(resolve => stage.actor.once('connected', resolve));
    await stage.calm();
    return stage;
  }

  /** A document of the actor. Its errors are expected, and the watcher must not get them. */
  readonly actorDoc = (id = 'one'): Doc => {
    const doc = this.actor.get(COLLECTION, id);
    doc.on('error', () => {});
    return doc;
  };

  /** The same document on three connections: the actor's, who made it, and those of the watcher and the remote client, who follow it. */
  readonly shared = async (data: unknown, type = 'json0', id = 'one'): Promise<Record<'mine' | 'theirs' | 'remote', Doc>> => {
    const mine = this.actorDoc(id);
    mine.create(data, type);
    mine.subscribe();
    await this.calm();
    const theirs = this.doc(id);
    const remote = this.remote.get(COLLECTION, id);
    theirs.subscribe();
    remote.subscribe();
    await this.calm();
    return {mine, theirs, remote};
  };
}
