/** The files of the checkout as the tidy test sees them: text, syntax tree, imports, functions, names. */
import * as fs from 'node:fs';
import * as path from 'node:path';
import ts from 'typescript';

export const ROOT = path.resolve(import.meta.dirname, '..', '..');
const NOT_OURS = new Set(['node_modules', 'build', 'dist', 'coverage', '.git', '.espalier', 'bench-results']);

export interface Import {
  /** Path from the root for a file of ours, else the name of the package or `node:…`. */
  readonly target: string;
  readonly typeOnly: boolean;
}
export interface Span {
  readonly name: string;
  readonly line: number;
  /** Without the named functions inside: a factory whose functions share a closure is measured as a class would be. */
  readonly ownLines: number;
}

export interface Source {
  /** From the root, with forward slashes. */
  readonly file: string;
  readonly text: string;
  readonly tree: ts.SourceFile;
  readonly imports: readonly Import[];
  readonly functions: readonly Span[];
}

/** Every file of the checkout that is ours, from the root, with forward slashes. */
export function allFiles(folder = ''): string[] {
  return fs.readdirSync(path.join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const file = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return NOT_OURS.has(entry.name) ? [] : allFiles(file);
    return entry.isFile() && !/\.(node|log)$/.test(entry.name) ? [file] : [];
  });
}

/** The package of a module name: `zod`, `@scope/name`, `node:fs`. */
const packageOf = (name: string): string => (name.startsWith('node:') ? name : name.split('/').slice(0, name.startsWith('@') ? 2 : 1).join('/'));

function importOf(file: string, name: string, typeOnly: boolean): Import {
  const target = name.startsWith('.') ? path.posix.normalize(path.posix.join(path.posix.dirname(file), name)) : packageOf(name);
  return { target, typeOnly };
}

function isTypeOnly(node: ts.ImportDeclaration | ts.ExportDeclaration): boolean {
  if (ts.isExportDeclaration(node)) return node.isTypeOnly;
  const clause = node.importClause;
  if (clause === undefined) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const names = clause.namedBindings;
  return clause.name === undefined && names !== undefined && ts.isNamedImports(names) && names.elements.length > 0 && names.elements.every((element) => element.isTypeOnly);
}

const functionName = (node: ts.Node, tree: ts.SourceFile): string => {
  const named = node as ts.FunctionDeclaration;
  if (named.name !== undefined) return named.name.getText(tree);
  return ts.isVariableDeclaration(node.parent) ? node.parent.name.getText(tree) : 'a function';
};

export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => { walk(child, visit); });
}

/** The outermost functions with a name of their own inside a function. */
function namedInside(node: ts.Node): ts.Node[] {
  const found: ts.Node[] = [];
  const look = (child: ts.Node): void => {
    if (ts.isFunctionDeclaration(child) || ts.isMethodDeclaration(child)) found.push(child);
    else ts.forEachChild(child, look);
  };
  ts.forEachChild(node, look);
  return found;
}

export function readSource(file: string): Source {
  const text = fs.readFileSync(path.join(ROOT, file), 'utf8');
  const tree = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const imports: Import[] = [];
  const functions: Span[] = [];
  const lineAt = (position: number): number => tree.getLineAndCharacterOfPosition(position).line + 1;
  walk(tree, (node) => {
    if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier !== undefined && ts.isStringLiteral(node.moduleSpecifier)) {
      imports.push(importOf(file, node.moduleSpecifier.text, isTypeOnly(node)));
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword && ts.isStringLiteral(node.arguments[0]!)) {
      imports.push(importOf(file, node.arguments[0].text, false));
    } else if (ts.isFunctionLike(node) && 'body' in node && node.body !== undefined) {
      const linesOf = (part: ts.Node): number => lineAt(part.end) - lineAt(part.getStart(tree)) + 1;
      const inside = namedInside(node).reduce((sum, part) => sum + linesOf(part), 0);
      functions.push({ name: functionName(node, tree), line: lineAt(node.getStart(tree)), ownLines: linesOf(node) - inside });
    }
  });
  return { file, text, tree, imports, functions };
}

/** Cycles of the graph that the value imports make between nodes; `nodeOf` names the node of a file. */
export function cycles(sources: readonly Source[], nodeOf: (file: string) => string): string[] {
  const edges = new Map<string, Set<string>>();
  for (const { file, imports } of sources) {
    const from = nodeOf(file);
    const to = imports.filter(({ target, typeOnly }) => !typeOnly && target.startsWith('src/')).map(({ target }) => nodeOf(target)).filter((node) => node !== from);
    edges.set(from, new Set([...edges.get(from) ?? [], ...to]));
  }
  const found: string[] = [];
  const done = new Set<string>();
  const visit = (node: string, way: readonly string[]): void => {
    if (way.includes(node)) { found.push([...way.slice(way.indexOf(node)), node].join(' -> ')); return; }
    if (done.has(node)) return;
    for (const next of edges.get(node) ?? []) visit(next, [...way, node]);
    done.add(node);
  };
  for (const node of edges.keys()) visit(node, []);
  return found;
}
