import { roomCss } from './room-style.ts';

/** One stylesheet for every page: system font, two colour schemes, one column on a phone. */
export const css = `
:root{--bg:#f6f7f9;--card:#fff;--ink:#1a1d23;--soft:#5b6270;--line:#d9dce3;--accent:#2f4fd8;--on-accent:#fff;--bad:#b3261e;--bad-bg:#fdeceb;--good:#1b6e3c;--mode:#8a4b00;--mode-bg:#fff1dc;color-scheme:light dark}
@media (prefers-color-scheme:dark){:root{--bg:#111318;--card:#1a1d24;--ink:#eceef2;--soft:#a2a9b8;--line:#343945;--accent:#8fa5ff;--on-accent:#0e1220;--bad:#ff9d94;--bad-bg:#3a1b1a;--good:#7fd8a0;--mode:#ffc787;--mode-bg:#3a2a12}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;overflow-wrap:break-word}
h1{font-size:1.5rem;line-height:1.2;margin:.7rem 0 .8rem}h2{font-size:1.1rem;margin:0 0 .7rem}
a{color:var(--accent)}p{margin:.4rem 0}
.mode{display:inline-block;margin:.3rem 0 0;padding:.15rem .6rem;border-radius:99px;background:var(--mode-bg);color:var(--mode);font-size:.8rem;font-weight:600}
main{max-width:60rem;margin:0 auto;padding:1.5rem 1rem 3rem}
.notice{max-width:34rem;padding-top:4rem}
.checkout{display:grid;gap:1.5rem;grid-template-columns:1fr}
@media (min-width:52rem){.checkout{grid-template-columns:1fr 1fr;grid-template-areas:"sum pay" "test pay";grid-template-rows:auto 1fr;column-gap:4rem;padding-top:3rem}.sum{grid-area:sum}.pay{grid-area:pay;align-self:start}.test{grid-area:test}}
.card{background:var(--card);border:1px solid var(--line);border-radius:.75rem;padding:1.25rem}.card+.card,.card+.test{margin-top:1.25rem}.checkout .card{margin-top:0}.card .rows{margin:0}.card+p,p+.card{margin-top:1.25rem}caption{text-align:left}.card .rows li:first-child{border-top:0}
.amount{font-size:2.1rem;font-weight:650;line-height:1.15;margin:.3rem 0}
.soft{color:var(--soft)}.small{font-size:.875rem}
.rows{list-style:none;margin:1rem 0 0;padding:0}.rows li span:last-child{text-align:right}.rows li{display:flex;justify-content:space-between;gap:1rem;padding:.6rem 0;border-top:1px solid var(--line)}
label,.label{display:block;font-size:.875rem;font-weight:600;margin:0 0 .25rem}
.field{margin:0 0 .9rem}.pair{display:grid;grid-template-columns:1fr 1fr;gap:.8rem}
input{width:100%;min-height:2.75rem;padding:.5rem .7rem;border:1px solid var(--soft);border-radius:.5rem;background:var(--bg);color:var(--ink);font:inherit}
input[aria-invalid=true]{border-color:var(--bad)}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
button,.button{display:inline-block;min-height:2.75rem;padding:.55rem 1rem;border:1px solid var(--line);border-radius:.5rem;background:var(--card);color:var(--ink);font:inherit;font-weight:600;text-decoration:none;cursor:pointer}
button.primary{width:100%;background:var(--accent);border-color:var(--accent);color:var(--on-accent)}
button:hover,.button:hover{border-color:var(--accent)}
.error{margin:0 0 1rem;padding:.75rem 1rem;border:1px solid var(--bad);border-radius:.5rem;background:var(--bad-bg);color:var(--bad);font-weight:600}
.cards{display:grid;gap:.5rem;margin:0;padding:0;list-style:none}.cards button{width:100%;text-align:left;font-weight:500}
.cards code{font-variant-numeric:tabular-nums}
.inline{display:flex;flex-wrap:wrap;gap:.5rem;align-items:end;margin:.6rem 0}.inline input{width:7rem}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.875rem}th,td{text-align:left;padding:.45rem .7rem .45rem 0;border-bottom:1px solid var(--line);vertical-align:top}th{color:var(--soft);font-weight:600}
th,td.num{white-space:nowrap}td.num,th.num{text-align:right;padding-left:.7rem;font-variant-numeric:tabular-nums}
.on{border-color:var(--accent);box-shadow:inset 0 0 0 1px var(--accent)}
.good{color:var(--good)}.bad{color:var(--bad)}
.clock{font-size:1.6rem;font-weight:650;font-variant-numeric:tabular-nums}
.total td:last-child{white-space:nowrap}td .inline{margin:0}td button{min-height:2rem;padding:.15rem .6rem;font-size:.8rem}td div.try{display:flex;gap:.6rem;align-items:center;white-space:nowrap}
.total td{font-weight:650}
.portal{max-width:44rem}.portal nav{display:flex;flex-wrap:wrap;gap:.5rem 1.5rem}.portal footer{margin-top:2rem}.portal h1{margin-top:1rem}
h3{font-size:1rem;margin:0 0 .3rem}.plain{list-style:none;margin:0;padding:0}.plain>li+li{border-top:1px solid var(--line);margin-top:1rem;padding-top:1rem}
.badge{display:inline-block;padding:0 .5rem;border:1px solid currentColor;border-radius:99px;font-size:.75rem;font-weight:600}
.rows .inline{margin:0;justify-content:flex-end}
textarea,select{width:100%;min-height:2.75rem;padding:.5rem .7rem;border:1px solid var(--soft);border-radius:.5rem;background:var(--bg);color:var(--ink);font:inherit}
fieldset{margin:0 0 1rem;padding:0;border:0}legend{margin:0 0 .3rem;padding:0;font-weight:600}
.choice{display:flex;gap:.6rem;align-items:center;min-height:2.75rem;margin:0;font-size:1rem;font-weight:400}.choice input{width:1.15rem;height:1.15rem;min-height:0;margin:0;flex:none;accent-color:var(--accent)}
.choice:has(:checked){font-weight:600}
.inline input.wide{width:15rem}.inline select{width:auto}.inline>div{max-width:100%}.inline input,.inline select{max-width:100%}summary{cursor:pointer;min-height:2.75rem;padding:.55rem 0;font-weight:600}code{overflow-wrap:anywhere}
.between{display:flex;justify-content:space-between;gap:1rem}.family{border-top:1px solid var(--line)}.family .plain>li+li{margin:0;padding:.2rem 0;border:0}.room td:first-child{white-space:nowrap}
.narrow{max-width:28rem;padding-top:3rem}.plan{border-top:1px solid var(--line)}fieldset .plan:first-of-type{border-top:0}.plan>span:last-child{margin-left:auto;text-align:right;font-weight:400}
.also{margin-top:1.5rem}.sum .amount .small{display:block;margin-top:.2rem;font-weight:400}.pair{align-items:end}label .soft{font-weight:400}.choice+.primary{margin-top:.6rem}.pay .inline{margin:1rem 0 0}.sums .due{font-weight:650}.rows .inline input{width:5rem}.new-card{margin-top:.5rem}form:has(.saved input:not([value=new]):checked) .new-card{display:none}
button.danger{background:var(--bad);border-color:var(--bad);color:var(--card)}
${roomCss}`;
