import { spelledOut } from '../benchmark/brokers';
import { barChart } from '../benchmark/chart';
import { gist } from '../benchmark/children';
import { judge, verdictCells } from '../benchmark/goals';
import type { Measurement } from '../benchmark/measure';
import { parseOptions } from '../benchmark/options';
import { dashes, overview } from '../benchmark/overview';
import { Results } from '../benchmark/results';
import { type Row, selectRows } from '../benchmark/scenarios';
import { grownBy, type Sample } from '../benchmark/soak';
import { bytes, growth, median, ratio, short, times } from '../benchmark/statistics';
import { aligned, markdown } from '../benchmark/table';

const ROW: Row = { broker: 'null', scenario: 'A', size: 16, count: 1, rounds: 1 };

function measured(perSecond: number, more: Partial<Measurement> = {}): Measurement {
  return { perSecond, cpu: 1, main: 0, p50: 0, p99: 0, rss: 50, wall: 0, ...more };
}

function results(rates: Record<string, number | number[]>, row = ROW): Results {
  const all = new Results([row], Object.keys(rates));
  for (const [peer, rate] of Object.entries(rates)) {
    for (const one of [rate].flat()) all.add(row, peer, measured(one));
  }
  return all;
}

test.each([
  ['amqp://guest:guest@localhost:5672/', 'amqp://guest:guest@localhost:5672/%2f'],
  ['amqp://localhost', 'amqp://localhost/%2f'],
  ['amqp://localhost?heartbeat=5', 'amqp://localhost/%2f'],
  ['amqp://[::1]:5672/orders?heartbeat=5', 'amqp://[::1]:5672/orders'],
])('%s: every client is told the same vhost', (url, clear) => expect(spelledOut(url)).toBe(clear));

describe('statistics', () => {
  test('have the median of an odd, an even and no count', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(median([])).toBeNaN();
  });

  test('ratios, where there are two numbers', () => {
    expect(ratio(6, 3)).toBe(2);
    for (const nothing of [undefined, 0, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(ratio(nothing, 3)).toBeUndefined();
      expect(ratio(3, nothing)).toBeUndefined();
    }
  });

  test('growth is the trend, not the last value', () => {
    expect(growth([1, 2, 3, 4])).toBeCloseTo(3);
    expect(growth([5, 5, 5, 5])).toBe(0);
    expect(growth([7])).toBe(0);
    expect(growth([10, 20, 10, 20, 10])).toBeCloseTo(0);
  });

  test.each([
    [5_020_000, '5.02M'],
    [102_345, '102k'],
    [21_345, '21.3k'],
    [9990, '9990'],
    [850, '850'],
    [12.345, '12.3'],
    [0.178, '0.18'],
  ])('%d is read as %s', (value, text) => expect(short(value)).toBe(text));

  test('have sizes and factors written for readers', () => {
    expect([0, 16, 1024, 1536, 65_536, 128 << 20].map(bytes)).toEqual([
      '0 B',
      '16 B',
      '1 KiB',
      '1536 B',
      '64 KiB',
      '128 MiB',
    ]);
    expect([times(1.234), times(undefined)]).toEqual(['1.23x', '-']);
  });
});

describe('results', () => {
  test('the median of all rounds counts, and the best of the Node clients', () => {
    const all = results({ 'amqp-sync': [10, 40, 30], amqplib: 15, 'rabbitmq-client': 10, librabbitmq: 90 });
    expect(all.of(ROW, 'amqp-sync')?.perSecond).toBe(30);
    expect(all.value(ROW, 'bestNode', 'perSecond')).toBe(15);
    expect(all.ratio(ROW, 'bestNode', 'perSecond')).toBe(2);
    expect(all.ratio(ROW, 'pika', 'perSecond')).toBeUndefined();
  });

  test('who fails gets a dash and the reason', () => {
    const all = new Results([ROW], ['amqp-sync', 'amqplib']);
    all.add(ROW, 'amqp-sync', measured(1000));
    all.fail(ROW, 'amqplib', 'it broke');
    expect(overview(all, [ROW])[1]).toEqual(['A publish, 16 B', '1000 (1.00)', '-', '-']);
    expect(dashes(all)).toEqual(['amqplib: it broke [A (null)]']);
  });
});

describe('goals', () => {
  const rate = { broker: 'null', scenario: 'A', metric: 'perSecond', peer: 'bestNode', factor: 4 } as const;

  test('a rate has to be reached, a cost not to be exceeded', () => {
    const cpu = { broker: 'null', scenario: 'A', metric: 'cpu', limit: 0.8 } as const;
    const memory = {
      broker: 'null',
      scenario: 'A',
      metric: 'rss',
      peer: 'amqplib',
      factor: 1,
      plus: 15,
    } as const;
    const verdicts = judge(results({ 'amqp-sync': 400, amqplib: 100 }), [rate, cpu, memory]);
    expect(verdicts.map(({ met, bound }) => [met, bound])).toEqual([
      [true, 400],
      [false, 0.8],
      [true, 65],
    ]);
    expect(verdictCells(verdicts[1]!)).toEqual([
      'FAILS',
      'null',
      'A publish, 16 B',
      '1.00 us CPU',
      '<= 0.80 us CPU',
      '',
      '1.25 of it',
    ]);
  });

  test('nothing is said where there is nothing to compare', () => {
    const ours = results({ 'amqp-sync': 400 });
    expect(judge(ours, [rate])).toEqual([]);
    const other = results({ 'amqp-sync': 400, amqplib: 100 });
    expect(judge(other, [{ ...rate, broker: 'rabbitmq' }])).toEqual([]);
    expect(judge(other, [{ ...rate, sizes: [1024] }])).toEqual([]);
  });

  test('every row is covered by a goal', () => {
    const brokers = ['rabbitmq', 'null'] as const;
    for (const row of selectRows({ brokers, only: [], sizes: [], share: 1 })) {
      const all = results({ 'amqp-sync': 1, amqplib: 1 }, row);
      expect(judge(all).length).toBeGreaterThan(0);
    }
  });
});

describe('output', () => {
  test('columns line up', () => {
    expect(
      aligned([
        ['', 'one', 'b'],
        ['name', '1', '20'],
      ]),
    ).toBe('      one   b\nname    1  20');
    expect(
      markdown([
        ['', 'a|b'],
        ['x', '1'],
      ]),
    ).toBe('|  | a\\|b |\n| --- | ---: |\n| x | 1 |');
  });

  test('a chart is well-formed and shows who is missing', () => {
    const bars = [
      { label: 'ours <&>', value: 10, text: '10', strong: true },
      { label: 'gone', value: undefined, text: '-', strong: false },
    ];
    const svg = barChart('Speed', 'Longer is better.', [
      { title: 'A', bars },
      { title: 'B', bars: [] },
    ]);
    expect(svg).toContain('ours &lt;&amp;&gt;');
    expect(svg.match(/<rect /g)).toHaveLength(1);
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    for (const tag of ['svg', 'text']) {
      expect(svg.match(new RegExp(`<${tag} `, 'g'))?.length).toBe(
        svg.match(new RegExp(`</${tag}>`, 'g'))?.length,
      );
    }
  });

  test('the line of a stack trace that says what happened', () => {
    expect(gist('node:net:1\n\nError: connect ECONNREFUSED\n    at x\n\nNode.js v20\n')).toBe(
      'Error: connect ECONNREFUSED',
    );
    expect(gist('Traceback\n  File "x"\nValueError: no\n')).toBe('ValueError: no');
    expect(gist('cannot connect\n')).toBe('cannot connect');
    expect(gist('')).toBe('');
  });
});

describe('options', () => {
  test('a complete run writes its report, a partial one only when told', () => {
    expect(parseOptions([]).report).toMatch(/report$/);
    expect(parseOptions([])).toMatchObject({ command: 'compare', rounds: 3, share: 1, check: false });
    for (const partial of [
      '--quick',
      '--only=A',
      '--size=16',
      '--broker=null',
      '--peers=pika',
      '--share=0.5',
    ]) {
      expect(parseOptions([partial]).report).toBeUndefined();
      expect(parseOptions([partial, '--report']).report).toMatch(/report$/);
      expect(parseOptions([partial, '--report=x']).report).toBe('x');
    }
  });

  test('select scenarios, sizes and brokers', () => {
    const options = parseOptions(['--quick', '--only=a,E', '--size=16', '--broker=null', '--rounds=2']);
    expect(options).toMatchObject({ only: ['A', 'E'], sizes: [16], brokers: ['null'], rounds: 2 });
    expect(selectRows(options).map(({ scenario, size }) => [scenario, size])).toEqual([
      ['A', 16],
      ['E', 16],
    ]);
    expect(parseOptions(['scale', '--axis=size']).command).toBe('scale');
  });

  test.each([
    ['--only=Z'],
    ['--peers=celery'],
    ['--broker=kafka'],
    ['--rounds=0'],
    ['--size=big'],
    ['--wat'],
    ['walk'],
  ])('%s is refused', (wrong) => expect(() => parseOptions([wrong])).toThrow());
});

test('what the second half grew by decides whether memory is flat', () => {
  const at = (rss: number): Sample => ({
    published: 0,
    consumed: 0,
    rss: rss << 20,
    heapUsed: 0,
    external: 0,
  });
  expect(grownBy([10, 80, 90, 90, 90, 90].map(at))).toBeCloseTo(0);
  expect(grownBy([10, 20, 30, 40, 50, 60].map(at))).toBeCloseTo(20);
});
