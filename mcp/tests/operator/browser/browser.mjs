// A browser for the tests: the Chromium that is given, else the one that a package of npm brings.

import { createRequire } from 'node:module';
import { join } from 'node:path';
import { existsSync, mkdirSync } from 'node:fs';

/** `packages` is the folder of the packages; `given` the path of a Chromium, or empty; `more` are further arguments. */
export async function launch(packages, given, more = []) {
  const require = createRequire(join(packages, 'package.json'));
  const { chromium } = require('playwright-core');
  const own = given ? {} : await unpacked(packages, require);
  return chromium.launch({
    executablePath: given || own.path,
    env: { ...process.env, ...own.env },
    args: ['--no-sandbox', ...(given ? [] : ['--no-zygote']), ...more],
  });
}

/** Programs, libraries and fonts are unpacked once, beside the packages. */
async function unpacked(packages, require) {
  if (process.platform !== 'linux' || process.arch !== 'x64') throw new Error('install Chromium: the package is for Linux on x64');
  const folder = join(packages, 'browser');
  mkdirSync(folder, { recursive: true });
  process.env.TMPDIR = folder; // where the package unpacks to
  const { inflate } = await import(require.resolve('@sparticuz/chromium'));
  const binaries = join(packages, 'node_modules/@sparticuz/chromium/bin');
  const parts = ['al2023.tar.br', 'fonts.tar.br', 'swiftshader.tar.br', 'chromium.br'];
  for (const part of parts) await inflate(join(binaries, part));
  const path = join(folder, 'chromium');
  if (!existsSync(path)) throw new Error('the package brought no Chromium');
  const libraries = [join(folder, 'al2023/lib'), process.env.LD_LIBRARY_PATH].filter(Boolean).join(':');
  return { path, env: { LD_LIBRARY_PATH: libraries, FONTCONFIG_PATH: join(folder, 'fonts') } };
}
