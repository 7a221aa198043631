/** Buffers are compared as a whole: jest goes through them byte by byte, which takes seconds for those of a megabyte. */
expect.addEqualityTesters([(a, b) => (Buffer.isBuffer(a) && Buffer.isBuffer(b) ? a.equals(b) : undefined)]);
