import type { Table } from '../protocol/field-table';
import type { HeadersPattern } from './headers';

/** The exchange that a binding starts at. */
export interface BindingSource {
  readonly name: string;
  remove(binding: Binding): void;
}

/** The way from an exchange to a queue or to another exchange. */
export interface Binding<Destination = unknown> {
  source: BindingSource;
  destination: Destination;
  key: string;
  args: Table;
  pattern: HeadersPattern;
}
