/** vitest is installed by the test that needs it: what an example uses of it has the types of jest's. */
declare module 'vitest' {
  export const afterAll: jest.Lifecycle;
  export const beforeAll: jest.Lifecycle;
  export const expect: jest.Expect;
  export const test: jest.It;
}
