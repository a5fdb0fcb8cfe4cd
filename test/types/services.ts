import {createConnection} from 'sharedb-tabs';
import {service, type Remote} from 'sharedb-tabs/remote';
import {perTab, startHost, type ServiceHost, type ServiceTab, type Services} from 'sharedb-tabs/worker';
import {exact} from './exact.js';

class Notes {
  constructor(private readonly host: ServiceHost) {}

  async add(text: string): Promise<number> {
    const doc = this.host.connection.get<{lines: string[]}>('notes', 'one');
    await doc.subscribe();
    return doc.data!.lines.push(text);
  }

  follow(callback: (count: number) => void): void {
    callback(1);
  }
}

class Uploads {
  constructor(readonly host: ServiceHost, readonly tab: ServiceTab) {}
  progress(): number {
    return this.tab.signal.aborted ? 1 : 0;
  }
}

const services: Services = {
  notes: host => new Notes(host),
  uploads: host => perTab(tab => new Uploads(host, tab)),
  later: async host => new Notes(host)
};
startHost({services, serviceOptions: {stacks: false}});
startHost({services: async () => services});
// @ts-expect-error: a service is made by a function
startHost({services: {notes: new Notes(undefined as never)}});

export async function uses(): Promise<void> {
  const connection = createConnection({url: '/sharedb', services: () => Promise.resolve(services)});
  const notes = service<Notes>(connection, 'notes', {
    idempotent: ['add'],
    timeout: 1000,
    onHost: next => {
      next satisfies Remote<Notes>;
      return next.follow(count => exact<number>()(count));
    }
  });
  exact<number>()(await notes.add('text'));
  // @ts-expect-error: no such method
  service<Notes>(connection, 'notes', {idempotent: ['remove']});
  // @ts-expect-error: of another type
  await notes.add(1);
}
