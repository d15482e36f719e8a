extension Report {
  /// The style sheet: fonts of the system, light and dark, one column of text that becomes narrow without scrolling sideways.
  ///
  /// - Parameter scale: how many times pictures are enlarged; those that are stay sharp.
  static func style(scale: Int) -> HTML {
    var sheet: HTML = """
      :root{color-scheme:light dark;--page:#fff;--text:#1b1f24;--soft:#57606a;--line:#d5dae0;--panel:#f5f7f9;--link:#0a58b5;--own:#0f6bd0;--other:#8a949e;
      --c0:#0f6bd0;--c1:#b4520a;--c2:#1a7f37;--c3:#8a3ffc;--c4:#b3256b;--c5:#57606a;
      --h1:#e3eefb;--h2:#c0daf7;--h3:#8fbdf0;--h4:#5c9ce6;--h5:#0f5fc0;--h4t:#0b1a2b;--h5t:#fff}
      @media (prefers-color-scheme:dark){:root{--page:#14171b;--text:#e4e8ec;--soft:#a4adb7;--line:#363d46;--panel:#1d2228;--link:#7ab8ff;--own:#5aa5f5;--other:#77828d;
      --c0:#5aa5f5;--c1:#f0a05a;--c2:#5fc978;--c3:#c3a1ff;--c4:#f28cbb;--c5:#a4adb7;
      --h1:#18283a;--h2:#1b3a5c;--h3:#1f5288;--h4:#2a6db5;--h5:#8cc4ff;--h4t:#fff;--h5t:#0b1a2b}}
      *{box-sizing:border-box}
      html{-webkit-text-size-adjust:100%}
      body{margin:0 auto;padding:1.5rem 1rem 3rem;max-width:68rem;background:var(--page);color:var(--text);font:1rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;overflow-wrap:anywhere}
      h1{font-size:1.9rem;line-height:1.2;margin:0 0 .5rem}
      h2{font-size:1.35rem;margin:2.75rem 0 .75rem;padding-top:.75rem;border-top:1px solid var(--line)}
      h3{font-size:1rem;margin:1.25rem 0 .4rem}
      p{margin:.5rem 0;max-width:46rem}
      a{color:var(--link)}
      code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.86em}
      pre{background:var(--panel);border:1px solid var(--line);border-radius:6px;padding:.75rem;overflow-x:auto;overflow-wrap:normal}
      .lead{font-size:1.1rem}
      .soft,.note,.muted,figcaption,caption,dt{color:var(--soft)}
      .note,figcaption,caption,.legend,.steps,.scale{font-size:.86rem}
      .missing{background:var(--panel);border-left:3px solid var(--line);padding:.5rem .75rem;margin:.5rem 0;color:var(--soft)}
      .missing code{color:var(--text);display:block;margin-top:.25rem}
      .facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.5rem;margin:1.25rem 0}
      .facts div{background:var(--panel);border-radius:6px;padding:.6rem .75rem}
      .facts dd{margin:0;font-size:1.2rem;font-weight:600;font-variant-numeric:tabular-nums}
      dt{font-size:.86rem}
      nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:.2rem 1rem;padding:0;margin:1rem 0 0}
      nav a{display:inline-block;padding:.2rem 0}
      .scroll{overflow-x:auto;margin:.75rem 0}
      .scroll:focus-visible,pre:focus-visible,summary:focus-visible,a:focus-visible{outline:2px solid var(--link);outline-offset:2px}
      table{border-collapse:collapse;min-width:min(100%,24rem)}
      caption{text-align:left;padding-bottom:.3rem}
      th,td{padding:.3rem .9rem .3rem 0;text-align:left;vertical-align:baseline;border-bottom:1px solid var(--line);overflow-wrap:normal}
      tbody th{font-weight:500;min-width:6rem;max-width:22rem;overflow-wrap:anywhere}
      td{overflow-wrap:anywhere;min-width:3.5rem}
      thead th{font-size:.86rem;font-weight:600;color:var(--soft)}
      .number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
      .bar{display:inline-block;width:min(11rem,26vw);height:.7rem;background:var(--panel);border:1px solid var(--line);border-radius:3px;margin-right:.5rem;overflow:hidden;vertical-align:middle}
      .bar i{display:block;height:100%;background:var(--other)}
      .bar.own i{background:var(--own)}
      .value{font-variant-numeric:tabular-nums;white-space:nowrap}
      .matrix{min-width:0;font-variant-numeric:tabular-nums}
      .matrix td{padding:.3rem .25rem;min-width:2.1rem;text-align:center;border:1px solid var(--page)}
      .matrix thead th{padding:.3rem .25rem;vertical-align:bottom;text-align:center;border:0}
      .matrix thead th span{display:inline-block;writing-mode:vertical-rl;max-height:9rem;overflow:hidden}
      .matrix tbody th{padding-right:.6rem;border:0;text-align:right;max-width:9rem;min-width:0}
      .matrix .right{outline:2px solid var(--text);outline-offset:-2px}
      .h1{background:var(--h1)}.h2{background:var(--h2)}.h3{background:var(--h3)}.h4{background:var(--h4);color:var(--h4t)}.h5{background:var(--h5);color:var(--h5t)}
      .kinds{display:flex;flex-wrap:wrap;gap:.75rem 1rem}
      .classes.one{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,\(Self.sheetWidth)px),1fr));gap:0 1rem}
      figure{margin:0;max-width:100%}
      .sheet{display:flex;flex-wrap:wrap;gap:2px;max-width:\(Self.sheetWidth)px}
      .sheet img{display:block;max-width:100%;background:var(--panel)}
      .class{margin:0 0 1.25rem;break-inside:avoid}
      .example .sheet{max-width:22rem}
      .neighbours{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,19rem),1fr));gap:1.25rem 1rem;margin:1rem 0}
      .pair{display:flex;flex-wrap:wrap;gap:.6rem;align-items:flex-start}
      .pair .own{padding-right:.6rem;border-right:2px solid var(--line)}
      .neighbours ol{margin:.2rem 0;padding-left:1.2rem}
      .charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,26rem),1fr));gap:1.5rem}
      .chart figcaption{color:var(--text);font-weight:600;margin-bottom:.5rem}
      .plot{position:relative;padding-left:3.6rem;height:13rem}
      .plot svg{width:100%;height:100%;overflow:visible;display:block}
      .scale span{position:absolute;left:0;width:3.2rem;text-align:right;transform:translateY(-50%);font-variant-numeric:tabular-nums}
      .scale{position:absolute;inset:0 auto 0 0;width:3.2rem;color:var(--soft)}
      .steps{display:flex;justify-content:space-between;padding-left:3.6rem;margin-top:.3rem;color:var(--soft)}
      .plot path{fill:none;vector-effect:non-scaling-stroke;stroke-linejoin:round;stroke-linecap:round}
      .grid{stroke:var(--line);stroke-width:1}
      .line{stroke-width:2}
      path.level{stroke:var(--soft);stroke-width:1.5;stroke-dasharray:5 4}
      .legend{list-style:none;padding:0;margin:.5rem 0;display:flex;flex-wrap:wrap;gap:.2rem 1rem}
      .key{display:inline-block;width:1.6rem;height:0;border-top:3px solid;vertical-align:middle;margin-right:.4rem}
      .key.level{border-top-style:dashed;color:var(--soft)}

      """
    for (index, dash) in ["none", "7 4", "2 4", "9 3 2 3", "4 4", "12 4"].enumerated() {
      sheet +=
        ".line.l\(index){stroke:var(--c\(index));stroke-dasharray:\(dash)}.key.l\(index){color:var(--c\(index))}\n"
    }
    sheet += """
      .history{padding-left:1.4rem}
      .history li{margin-bottom:1rem}
      .options{display:flex;flex-wrap:wrap;gap:.3rem .5rem;margin:.3rem 0}
      .options div{display:flex;flex-wrap:wrap;gap:0 .4rem;background:var(--panel);border-radius:4px;padding:.1rem .5rem;font-size:.9rem;max-width:100%}
      .options dd{margin:0;font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;min-width:0}
      .digest{font-size:.86rem}
      details{margin:.5rem 0}
      summary{cursor:pointer;color:var(--link);padding:.15rem 0}
      footer{margin-top:3rem;border-top:1px solid var(--line);font-size:.86rem;color:var(--soft)}
      @media (max-width:30rem){body{padding:1rem 1rem 2rem}h1{font-size:1.5rem}.facts{grid-template-columns:repeat(auto-fit,minmax(7rem,1fr))}.facts dd{font-size:1.05rem}th,td{padding-right:.6rem}}
      @media print{body{max-width:none;padding:0;font-size:10pt}nav,.missing{display:none}h2{break-after:avoid}figure,tr,pre{break-inside:avoid}pre{white-space:pre-wrap}.scroll{overflow:visible}a{color:inherit;text-decoration:none}
      *{-webkit-print-color-adjust:exact;print-color-adjust:exact}}

      """
    if scale > 1 { sheet += ".sheet img{image-rendering:pixelated}\n" }
    return sheet
  }

  /// Pixels that five pictures of 64 take, with what is between them: as wide as a telephone's screen.
  private static let sheetWidth = 5 * 64 + 4 * 2
}
