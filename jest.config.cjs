// A blocked test cannot be timed out by jest: every wait in the suite has a ceiling of its own
// (test/support/connect.ts), and test/support/run-jest.cjs ends a run that hangs.
module.exports = {
  testEnvironment: '<rootDir>/test/support/environment.cjs',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  transform: { '^.+\\.[cm]?ts$': '<rootDir>/test/support/transpile.cjs' },
  resolver: '<rootDir>/test/support/resolver.cjs',
  moduleFileExtensions: ['ts', 'cts', 'js', 'cjs', 'json', 'node'],
  setupFilesAfterEnv: ['<rootDir>/test/support/equal-bytes.cjs'],
  globalSetup: '<rootDir>/test/support/global-setup.ts',
  globalTeardown: '<rootDir>/test/support/global-teardown.ts',
  testTimeout: 180_000,
  // a process that has grown is renewed between two files
  workerIdleMemoryLimit: '350MB',
  // tests wait more than they work
  maxWorkers: 4,
};
