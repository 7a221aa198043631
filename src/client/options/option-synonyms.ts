/** How others call our options: ours, and the names that amqplib, pika, Bunny, the Java client … have for them. */
const NAMES: Readonly<Record<string, string>> = {
  hostname: 'host server servername',
  hosts: 'servers brokers nodes addresses endpoints cluster',
  url: 'uri connectionString connectionUrl',
  username: 'user login userId credentials',
  password: 'pass passwd pwd secret token',
  vhost: 'virtualHost',
  tls: 'ssl sslOptions secure protocol scheme useTls ca caFile caPath cert certFile key keyFile pfx passphrase rejectUnauthorized',
  authMechanism: 'mechanism mechanisms saslMechanism loginMethod auth',
  connectTimeout: 'timeout connectionTimeout socketTimeout stackTimeout',
  callTimeout: 'rpcTimeout continuationTimeout readTimeout',
  blockedTimeout: 'blockedConnectionTimeout',
  heartbeat: 'requestedHeartbeat heartbeatInterval heartbeatIntervalInSeconds',
  channelMax: 'maxChannels requestedChannelMax',
  frameMax: 'maxFrameSize requestedFrameMax',
  name: 'connectionName',
  keepAlive: 'keepAliveDelay tcpOptions',
  connectionAttempts: 'retries maxRetries',
  recovery: 'reconnect autoReconnect automaticallyRecover automaticRecovery automaticRecoveryEnabled robust',
  // of recovery
  interval: 'networkRecoveryInterval reconnectInterval reconnectTimeInSeconds retryDelay',
  attempts: 'recoveryAttempts maxRetries connectionAttempts',
  attemptTimeout: 'timeout connectTimeout',
  // of tls
  caFile: 'cacert cacertfile cacerts',
  passphrase: 'password',
  servername: 'sni serverNameIndication serverHostname',
  rejectUnauthorized: 'verify certReqs noVerifySsl',
};

/** By what others say, in lower case: what they may mean here. */
export const OPTION_SYNONYMS: Readonly<Record<string, readonly string[]>> = invert();

function invert(): Record<string, string[]> {
  const meant: Record<string, string[]> = {};
  for (const [ours, theirs] of Object.entries(NAMES)) {
    for (const each of theirs.toLowerCase().split(' ')) meant[each] = [...(meant[each] ?? []), ours];
  }
  return meant;
}
