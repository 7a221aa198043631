import * as fs from 'node:fs';
import { dirname, join } from 'node:path/posix';
import ts from 'typescript';
import { importsOf, readSources } from '../house/sources';
import { type Consumer, GREETING, installPackage, run } from './consumer';

const MAX_PACKED = 400_000;

let consumer: Consumer;

beforeAll(async () => {
  consumer = await installPackage();
}, 300_000);

afterAll(() => consumer?.remove());
