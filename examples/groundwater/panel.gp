# One picture of an inversion, from the files that groundwater -invert -panel NAME has written: truth, start, recovered field, fit of the data.
#
#   gnuplot -c examples/groundwater/panel.gp NAME [PICTURE.png]

name    = ARG1
picture = ARGC > 1 ? ARG2 : name . '.png'
load name . '.gp'
field(f) = sprintf("'%s_%s.bin' binary skip=skip format='%%double' endian=big array=(%d,%d) dx=%.12g dy=%.12g origin=(%.12g,%.12g)", \
  name, f, nx, ny, lx / nx, ly / ny, 0.5 * lx / nx, 0.5 * ly / ny)

set terminal pngcairo size 1360, 400 font 'sans,11'
set output picture
set datafile separator ','
set multiplot
set palette rgb 33,13,10 maxcolors 64
set cbrange [low:high]
set xrange [0:lx]
set yrange [0:ly]
unset key
unset tics
set size ratio -1
set border lw 0.5
bottom = 0.08
top    = 0.88
set tmargin at screen top
set bmargin at screen bottom

unset colorbox
set lmargin at screen 0.01
set rmargin at screen 0.22
set title twin ? 'true log conductivity, and the wells' : 'not known'
dots = wells ? sprintf(", '%s_wells.csv' skip 1 using 1:2 with points pt 7 ps 0.25 lc rgb 'black'", name) : ''
eval 'plot ' . field('truth') . ' with image' . dots
set lmargin at screen 0.235
set rmargin at screen 0.445
set title 'start'
eval 'plot ' . field('start') . ' with image'
set lmargin at screen 0.46
set rmargin at screen 0.67
set title 'recovered'
set colorbox user origin screen 0.68, screen bottom size screen 0.012, screen top - bottom
set cbtics
eval 'plot ' . field('recovered') . ' with image'

set size noratio
set lmargin at screen 0.79
set rmargin at screen 0.985
set xrange [*:*]
set yrange [*:*]
set xtics
set logscale y
set ytics format '10^{%T}' add ('1' 1)
set key top right
set title 'heads and gradient'
set xlabel 'iteration' offset 0, 0.7
set grid lw 0.5
stats name . '_history.csv' skip 1 using 4 nooutput
first = STATS_max
plot name . '_history.csv' skip 1 using 1:3 with lines lw 2 title 'misfit / noise', \
     '' skip 1 using 1:($4 / first) with lines lw 1 title '|gradient|, relative', \
     1 with lines dt 2 lc rgb 'gray40' notitle
unset multiplot
