#!/usr/bin/env bash
# @opentelemetry/sdk-metrics 2.12.1 on Node.js 20.
#
# An observable up-down counter whose callback observes an attribute set once and then no more: a cumulative reader goes on
# exporting the last value for ever, and a delta reader never gives the difference back, so that sums stay what they were.
# OpenTelemetry's specification ("Observations inside asynchronous callbacks") says that nothing should be exported for it.
# Whoever wants the series to end at nothing has to observe 0, and to go on with that.
source "$(dirname "$0")/support.sh"
npm_install @opentelemetry/api@1.9.1 @opentelemetry/sdk-metrics@2.12.1
cat >"$folder/observe.cjs" <<'JS'
const { AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } = require('@opentelemetry/sdk-metrics');
(async () => {
  for (const temporality of ['CUMULATIVE', 'DELTA']) {
    const exporter = new InMemoryMetricExporter(AggregationTemporality[temporality]);
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
    const counter = new MeterProvider({ readers: [reader] }).getMeter('m').createObservableUpDownCounter('waiting');
    let collections = 0;
    counter.addCallback((result) => {
      result.observe(1, { broker: 'stays' });
      if (++collections === 1) result.observe(5, { broker: 'goes' });
    });
    const seen = [];
    for (let count = 0; count < 3; count++) {
      await reader.forceFlush();
      const { dataPoints } = exporter.getMetrics().at(-1).scopeMetrics[0].metrics[0];
      const point = dataPoints.find(({ attributes }) => attributes.broker === 'goes');
      seen.push(point === undefined ? 'nothing' : point.value);
    }
    console.log(`${temporality}: ${seen.join(', ')}`);
  }
})();
JS
seen=$(node "$folder/observe.cjs")
echo "a series that is observed in the first of three collections:"
echo "$seen"
[[ $seen == $'CUMULATIVE: 5, 5, 5\nDELTA: 5, nothing, nothing' ]]
