# Error of the gradient against work, a panel for each problem:
#   gnuplot -e "csv='docs/methods/methods.csv'; png='docs/methods/methods.png'" docs/methods/plot.gp
if (!exists("csv")) csv = 'docs/methods/methods.csv'
if (!exists("png")) png = 'docs/methods/methods.png'

set terminal pngcairo size 1800,820 enhanced font 'Sans,15' background rgb 'white'
set output png
set datafile separator ','
set encoding utf8

# rows of a problem whose method begins so, in the order of their work; what has no error is left out
rows(problem, method) = sprintf("< awk -F, '$1 == \"%s\" && index($5, \"%s\") == 1 && $7 > 0 {print $8 \",\" $7}' %s | sort -t, -n", problem, method, csv)
rho(problem) = system(sprintf("awk -F, '$1 == \"%s\" && $4 > 0 {print $4; exit}' %s", problem, csv))
unknowns = system(sprintf("awk -F, 'NR == 2 {print $2}' %s", csv))

array method[8] = ['implicit gmres', 'implicit richardson', 'piggyback', 'auto', 'neumann', 'truncated', 'onestep', 'unrolled all']
array name[8]   = ['implicit, GMRES', 'implicit, Richardson', 'piggyback', 'auto', 'neumann', 'truncated', 'onestep', 'unrolled, reversible']
array colour[8] = ['#0072b2', '#56b4e9', '#009e73', '#000000', '#e69f00', '#d55e00', '#cc79a7', '#7f7f7f']
array mark[8]   = [7, 6, 9, 4, 13, 11, 3, 5]

set logscale xy
set format y '10^{%T}'
set format x '10^{%T}'
set yrange [1e-12:3]
set grid xtics ytics lt 1 lw 1 lc rgb '#cccccc'
set xlabel 'calls of the vector-Jacobian product'
set key at screen 0.5,0.045 center maxrows 2 samplen 2.5 width 1 font ',15'

set multiplot layout 1,3 title sprintf('Error of one gradient against the derivative of the solution, %s unknowns', unknowns) font ',18' margins 0.07,0.985,0.22,0.87 spacing 0.045
do for [panel = 1:3] {
  problem = word('groundwater fast slow', panel)
  set title sprintf('%s, ρ = %s', problem, rho(problem)) font ',17'
  if (panel == 1) { set ylabel 'relative error' offset 1 } else { unset ylabel }
  set xrange [0.7:(problem eq 'slow' ? 5000 : 100)]
  if (panel == 2) { set key on } else { set key off }
  plot for [i = 1:8] rows(problem, method[i]) using 1:2 with linespoints lw 2 pt mark[i] ps 1.8 lc rgb colour[i] title name[i]
}
unset multiplot
