/** The control room: what is pressed stands above what is read; a wide table scrolls inside its card. */
export const roomCss = `
.room{max-width:84rem;font-size:.9375rem}
.room h1{font-size:1.35rem}.room h2{font-size:.95rem;margin:0 0 .6rem}
.room section{margin:0}
.room nav{gap:.5rem 1.25rem}.room nav a{text-decoration:none;font-weight:600}.room nav a:hover{text-decoration:underline}
.room-head{display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;align-items:baseline;justify-content:space-between;margin:0 0 1rem}
.room-head h1{margin:0}.room-head nav{margin:0}
.deck{display:grid;gap:1rem;grid-template-columns:minmax(0,1fr)}
@media (min-width:60rem){.deck{grid-template-columns:repeat(2,minmax(0,1fr))}.deck .across{grid-column:1/-1}}
.room .card{padding:1rem 1.15rem}.room .card+.card{margin-top:0}
.room .stack{display:grid;gap:1rem;grid-template-columns:minmax(0,1fr)}
.room .scroll{margin:0 -1.15rem -1rem;padding:0 1.15rem .5rem}
.room table{font-size:.8125rem}.room tbody tr:last-child td{border-bottom:0}
.room th{font-size:.75rem;letter-spacing:.02em}
.room td a{display:inline-block;line-height:1.5rem;max-width:18rem;overflow:hidden;text-overflow:ellipsis;white-space:nowrap;vertical-align:bottom}
.room button{min-height:2.25rem;padding:.3rem .8rem;font-size:.875rem}.room td button{min-height:1.9rem;padding:.1rem .55rem;font-size:.75rem}
.room input,.room select{min-height:2.25rem;padding:.3rem .6rem;font-size:.875rem}
.room label{font-size:.75rem;color:var(--soft)}
.room .inline{margin:.4rem 0}.room .rows{margin-top:.6rem}.room .rows li{align-items:center}.room .rows li>span{min-width:0;overflow-wrap:anywhere}.room .rows form{flex:none}
.room .tree{list-style:none;margin:.35rem 0 .35rem .2rem;padding:0 0 0 .9rem;border-left:2px solid var(--line);font-size:.875rem}.room .tree li{padding:.12rem 0}.room .figure{font-variant-numeric:tabular-nums;white-space:nowrap;font-weight:600}.room .formula{font-variant-numeric:tabular-nums}.room .explained h3 .figure{font-weight:650}
.room .steps>li+li{margin:0;padding:.35rem 0}.room .steps>li{padding:.35rem 0}.room textarea.code{font:.8125rem/1.5 ui-monospace,Menlo,Consolas,monospace;padding:.6rem .7rem}
.room summary{min-height:2.25rem;padding:.3rem 0}
@media (max-width:40rem){.room td{white-space:nowrap}.room .inline>div{flex:1 1 8rem}.room .inline input,.room .inline input.wide,.room .inline select{width:100%}.room button{min-height:2.75rem}.room td button{min-height:2.25rem}}
`;
