/** What a verification says in English, said in Japanese: its sentences are few, and what they name stays as it is. */

import { spoken } from "./text";

const SAID: readonly (readonly [RegExp, string])[] = [
  [/^stated by the maker: where it ran/, "作成者の申告：実行環境"],
  [/^stated by the maker: where the inputs lay$/, "作成者の申告：入力ファイルの所在"],
  [/^stated by the maker \(that it came from (.*)\)$/, "作成者の申告（取得元：$1）"],
  [/^stated by the maker \(its name (.*), from which its time may have been read\)$/, "作成者の申告（ファイル名 $1。観測時刻の読み取りに使われた可能性があります）"],
  [/^stated by the maker \((.*)\)$/, "作成者の申告（$1）"],
  [/^why these inputs were taken is stated by the maker$/, "作成者の申告：入力の選び方"],
  [/^give the signer's public key with --key$/, "署名者の公開鍵を --key で指定してください"],
  [/^a key that comes with a bundle proves nothing$/, "証跡一式に添えられた鍵では何も証明されません"],
  [/^holds the same content in other bytes$/, "内容は同じで、バイト列が異なります"],
  [/^(.*) differs at row (\d+), column (\d+): (.*) in the bundle, (.*) now \((\d+) pixels, (.*), at most (.*) steps\)$/, "$1 は行 $2、列 $3 で異なります：証跡では $4、再計算では $5（$6 画素、$7、最大 $8 段階）"],
  [/^(.*) cannot be compared$/, "$1 は比較できません"],
  [/^(.*) is missing, though SHA256SUMS names it$/, "$1 がありません（SHA256SUMS には記載があります）"],
  [/^(.*) is not named in SHA256SUMS$/, "$1 は SHA256SUMS に記載がありません"],
  [/^(.*) is not the file that SHA256SUMS names \(its SHA-256 differs\)$/, "$1 は SHA256SUMS のファイルと異なります（SHA-256 の不一致）"],
  [/^the run cannot be repeated: (.*)$/, "再計算できません：$1"],
  [/^the bundle was made by (\S+) (\S+), installed is (\S+); install the mitoshi that has (\S+)$/, "証跡一式の手法は $1 $2、導入済みは $3 です。$4 を含む mitoshi を導入してください"],
];

/** A sentence of a verdict in the language that is spoken, and the language that it is in. */
export function inWords(line: string): { readonly words: string; readonly lang: "en" | "ja" } {
  if (spoken() === "ja") {
    for (const [said, meant] of SAID) if (said.test(line)) return { words: line.replace(said, meant), lang: "ja" };
  }
  return { words: line, lang: "en" };
}
