# Error of the Jacobian against iterations and against time, a column for each condition number and step:
#   mpiexec -n 2 ridge -cotangents 4 -points 14 -ratio 1.6 -csv ridge.csv
#   gnuplot -e "csv='ridge.csv'; png='ridge.png'" examples/plots/ridge.gp
if (!exists("csv")) csv = 'ridge.csv'
if (!exists("png")) png = 'ridge.png'

set terminal pngcairo size 1900,1000 enhanced font 'Sans,14' background rgb 'white'
set output png
set datafile separator ','
set encoding utf8

rows(condition, step, method) = sprintf("< awk -F, '$1 == \"%s\" && $2 == \"%s\" && $3 == \"%s\"' %s", condition, step, method, csv)

array method[4] = ['unrolled', 'truncated', 'onestep', 'implicit']
array name[4]   = ['unrolled', 'truncated unrolling', 'one step', 'implicit']
array colour[4] = ['#7f7f7f', '#d55e00', '#cc79a7', '#0072b2']
array mark[4]   = [5, 11, 3, 7]

set logscale xy
set format y '10^{%T}'
set format x '10^{%T}'
set yrange [1e-16:30]
set ytics 1e3
set grid xtics ytics lt 1 lw 1 lc rgb '#cccccc'
set key at screen 0.5,0.03 center maxrows 1 samplen 2.5 width 1 font ',15'

set multiplot layout 2,4 title 'Weighted ridge regression by gradient descent: relative error of dx/dθ' font ',17' margins 0.06,0.99,0.13,0.88 spacing 0.035,0.13
do for [axis = 1:2] {
  do for [panel = 1:4] {
    condition = word('100 100 1000 1000', panel)
    step = word('short long short long', panel)
    if (axis == 1) { set title sprintf('condition %s, step %s', condition, step eq 'short' ? '1/L' : '2/(L + μ)') } else { unset title }
    set xlabel axis == 1 ? 'iterations' : 'seconds, forward and adjoint' offset 0,0.4
    if (panel == 1) { set ylabel 'relative error' offset 1 } else { unset ylabel }
    if (axis == 1) { set xrange [5:6000] } else { set autoscale x }
    if (axis == 2 && panel == 4) { set key on } else { set key off }
    column_ = axis == 1 ? 4 : 6
    plot for [i = 1:4] rows(condition, step, method[i]) using column_:8 with linespoints lw 2 pt mark[i] ps 1.3 lc rgb colour[i] title name[i], \
         rows(condition, step, 'unrolled') using column_:7 with lines lw 2 dt 2 lc rgb '#000000' title 'iterate'
  }
}
unset multiplot
