/** The options that serve, steer and tune share. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { withSettings } from './with-settings.ts';

function portOf(text: string): number {
  const port = Number(text);
  if (text.trim() === '' || !Number.isInteger(port) || port < 0 || port > 65_535) throw new InvalidArgumentError('A port from 0 to 65535 is wanted.');
  return port;
}

export const processCommand = (name: string, description: string): Command =>
  withSettings(new Command(name).description(description))
    .addOption(new Option('--port <n>', 'port of /metrics and /healthz; 0 takes any free one').argParser(portOf));
