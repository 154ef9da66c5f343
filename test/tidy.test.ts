// Goal: the rules of the house hold in every file. Method: the TypeScript parser over the checkout, against tables in checks/house-rules.ts.
import * as fs from 'node:fs';
import * as path from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { BAD_WORDS, FILE_LINES_MAX, FORBIDDEN_GLOBALS, FUNCTION_LINES_MAX, IMPORTS, ONE_ROOM, SUPPORT_FILES_MAX, WORLDLY, mayImport, roomOf } from './checks/house-rules.ts';
import { ROOT, allFiles, cycles, readSource, walk } from './checks/sources.ts';
import type { Source } from './checks/sources.ts';

const files = allFiles();
const code = files.filter((file) => /^(src|test|scripts)\/.*\.(ts|mjs)$/.test(file)).map(readSource);
const house = code.filter(({ file }) => file.startsWith('src/'));
const tests = files.filter((file) => file.endsWith('.test.ts'));

/** Findings as `file: what`, which must be none. */
function demandNone(findings: Iterable<string>): void { expect([...findings]).toEqual([]); }
const everywhere = (sources: readonly Source[], look: (source: Source) => readonly string[]): string[] =>
  sources.flatMap((source) => look(source).map((what) => `${source.file}: ${what}`));

describe('imports', () => {
  it('every room is in the table', () => {
    demandNone(house.map(({ file }) => file).filter((file) => roomOf(file) !== 'cli' && !(roomOf(file) in IMPORTS)));
  });
  it('every import between rooms is allowed', () => {
    demandNone(everywhere(house, ({ file, imports }) => imports.map(({ target }) => target).filter((target) => target.startsWith('src/') && !mayImport(file, target))));
  });
  it('nothing leaves the house by a relative path', () => {
    demandNone(everywhere(house, ({ imports }) => imports.map(({ target }) => target).filter((target) => /^(test|scripts|\.\.)(\/|$)/.test(target))));
  });
  it('every package is one that the room may use', () => {
    demandNone(everywhere(house, ({ file, imports }) => {
      const room = roomOf(file);
      if (room === 'cli') return [];
      const { packages = [], node = false } = IMPORTS[room]!;
      return imports.map(({ target }) => target).filter((target) => !target.startsWith('src/') && !packages.includes(target) && !(node && target.startsWith('node:')));
    }));
  });
  it('rxjs gives the sockets in the wall types only', () => {
    demandNone(everywhere(house.filter(({ file }) => file === 'src/ports.ts' || file === 'src/facts.ts'), ({ imports }) => imports.filter(({ typeOnly }) => !typeOnly).map(({ target }) => target)));
  });
  it('kafkajs, tfjs-node and prom-client stay in one room each, also behind require', () => {
    demandNone(everywhere(house, ({ file, tree }) => {
      const found: string[] = [];
      walk(tree, (node) => {
        if (ts.isStringLiteral(node) && Object.hasOwn(ONE_ROOM, node.text) && ONE_ROOM[node.text] !== roomOf(file)) found.push(node.text);
      });
      return found;
    }));
  });
  it('has no cycles, neither between files nor between rooms', () => {
    demandNone(cycles(house, (file) => file));
    demandNone(cycles(house.filter(({ file }) => roomOf(file) !== 'cli'), roomOf));
  });
});

describe('time, chance and the world', () => {
  it('are arguments outside adapters and cli', () => {
    demandNone(everywhere(house.filter(({ file }) => !WORLDLY.includes(roomOf(file).split('/')[0]!)), ({ tree }) => {
      const found: string[] = [];
      walk(tree, (node) => {
        const name = ts.isPropertyAccessExpression(node) ? node.getText(tree)
          : ts.isIdentifier(node) && !ts.isPropertyAccessExpression(node.parent) && !isName(node) ? node.text
            : ts.isIdentifier(node) && ts.isPropertyAccessExpression(node.parent) && node.parent.expression === node ? node.text : '';
        if (FORBIDDEN_GLOBALS.includes(name)) found.push(name);
        if (ts.isNewExpression(node) && node.expression.getText(tree) === 'Date' && (node.arguments?.length ?? 0) === 0) found.push('new Date()');
      });
      return found;
    }));
  });
});

/** A name that is declared, or that names a field: not a use of the global. */
function isName(node: ts.Identifier): boolean {
  const { parent } = node;
  const declares = ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent) || ts.isPropertySignature(parent) || ts.isParameter(parent)
    || ts.isBindingElement(parent) || ts.isShorthandPropertyAssignment(parent) || ts.isMethodDeclaration(parent) || ts.isPropertyDeclaration(parent);
  return declares && (parent as ts.NamedDeclaration).name === node || (ts.isBindingElement(parent) && parent.propertyName === node);
}

describe('size', () => {
  it(`files have at most ${FILE_LINES_MAX} lines`, () => {
    const counted = files.filter((file) => /^(src|test|scripts)\/.*\.(ts|mjs|c|h)$/.test(file));
    demandNone(counted.map((file) => [file, fs.readFileSync(path.join(ROOT, file), 'utf8').trimEnd().split('\n').length] as const)
      .filter(([, lines]) => lines > FILE_LINES_MAX).map(([file, lines]) => `${file}: ${lines} lines`));
  });
  it(`functions have at most ${FUNCTION_LINES_MAX} lines of their own`, () => {
    demandNone(everywhere(code.filter(({ file }) => !file.startsWith('test/')), ({ functions }) =>
      functions.filter(({ ownLines }) => ownLines > FUNCTION_LINES_MAX).map(({ name, line, ownLines }) => `${name} (line ${line}) has ${ownLines} lines`)));
  });
  it(`support has at most ${SUPPORT_FILES_MAX} files`, () => {
    expect(files.filter((file) => file.startsWith('src/support/')).length).toBeLessThanOrEqual(SUPPORT_FILES_MAX);
  });
});

describe('names', () => {
  it('files are kebab-case, and none is an index', () => {
    demandNone(code.map(({ file }) => file).filter((file) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.test)?\.(ts|mjs)$/.test(path.posix.basename(file)) || /\/index\.ts$/.test(file)));
  });
  it('functions are camelCase, types PascalCase without an I before them, and no name says nothing', () => {
    demandNone(everywhere(code, ({ tree }) => {
      const found: string[] = [];
      walk(tree, (node) => {
        const named = ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node) || ts.isClassDeclaration(node) || ts.isFunctionDeclaration(node) ? node.name?.text : undefined;
        if (named === undefined) return;
        const pattern = ts.isFunctionDeclaration(node) ? /^[a-z][A-Za-z0-9]*\$?$/ : /^[A-Z][A-Za-z0-9]*$/;
        if (!pattern.test(named) || BAD_WORDS.test(named) || (!ts.isFunctionDeclaration(node) && /^I[A-Z][a-z]/.test(named))) found.push(named);
      });
      return found;
    }));
  });
  it('nothing is exported by default, and no file only passes on', () => {
    demandNone(everywhere(house, ({ tree }) => tree.statements.filter((node) => ts.isExportAssignment(node)).map(() => 'default export')));
    demandNone(house.filter(({ tree }) => tree.statements.length > 0 && tree.statements.every((node) => ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined)).map(({ file }) => file));
  });
});

describe('tests', () => {
  it('every room has some', () => {
    const rooms = new Set(house.map(({ file }) => roomOf(file)).filter((room) => !['errors', 'facts', 'ports'].includes(room) && !room.endsWith('.ts')));
    demandNone([...rooms].filter((room) => !tests.some((file) => file.startsWith(`test/${room}/`) || file === `test/${room}.test.ts`)));
  });
  it('each states goal and method in its first line', () => {
    demandNone(tests.filter((file) => !/^(\/\/|\/\*\*?) .{30,}/.test(fs.readFileSync(path.join(ROOT, file), 'utf8'))));
  });
  it('none is skipped or alone', () => {
    demandNone(tests.filter((file) => new RegExp(`\\b(it|test|describe)\\.${'(skip|only|todo)'}\\b`).test(fs.readFileSync(path.join(ROOT, file), 'utf8'))));
  });
});

it('no file names a path of one machine', () => {
  const paths = ['work', 'root', 'home/[a-z]'].map((folder) => `(^|[^\\w.}-])/${folder}/`).join('|');
  demandNone(files.filter((file) => /\.(ts|mjs|js|c|h|gyp|json|md|yml|yaml|sh)$|^[^.]+$|run$/.test(file) && new RegExp(paths, 'm').test(fs.readFileSync(path.join(ROOT, file), 'utf8'))));
});
