/**
 * Declarations that no way in leads to are for nobody: they are taken out of `dist`, once `tsc` has written them. What
 * types mention stays, also where it has no name for users.
 */
import { readdirSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';
import ts from 'typescript';

const DECLARATION = /\.d\.m?ts$/;
const FACES = ['src/index', 'src/compat/amqpy', 'src/compat/pika', 'src/opentelemetry'];
const roots = FACES.flatMap((face) => [resolve('dist', `${face}.d.ts`), resolve('dist', `${face}.d.mts`)]);
const program = ts.createProgram(roots, { module: ts.ModuleKind.Node16, types: [], noLib: true });
for (const file of readdirSync('dist', { recursive: true })) {
  const path = resolve('dist', file);
  if (DECLARATION.test(path) && program.getSourceFile(path) === undefined) rmSync(path);
}
