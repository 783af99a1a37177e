#!/usr/bin/perl
# An inversion on 2 processes is killed by SIGKILL at random moments, started again, and reaches the objective of one that was left alone.
# Run by `make test`, which sets BUILD and MPIEXEC. KILLS=10 kills; SEED chooses the moments; VERBOSE=1 tells them.
use strict;
use warnings;
use File::Temp qw(tempdir);
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(sleep time);

my $kills   = $ENV{KILLS} // 10;
my $build   = $ENV{BUILD} // 'build/real-32';
my $program = "$build/tests/checkpoint_run";
my %config  = do { open my $in, '<', "$build/config" or die "$build/config: $!\n"; map { /^(\w+): (.*)/ ? ($1 => $2) : () } <$in> };
if ($config{flavour} !~ /^real-\d+$/) { print "1..0 # SKIP requires real double\n"; exit 0 }

srand($ENV{SEED} // 20);
$ENV{$_->[0]} //= $_->[1] for ['OMPI_ALLOW_RUN_AS_ROOT', 1], ['OMPI_ALLOW_RUN_AS_ROOT_CONFIRM', 1], ['OMPI_MCA_rmaps_base_oversubscribe', 1],
  ['OMPI_MCA_hwloc_base_binding_policy', 'none'], ['OMPI_MCA_mpi_yield_when_idle', 1], ['OMPI_MCA_btl_vader_single_copy_mechanism', 'none'],
  ['PRTE_MCA_rmaps_default_mapping_policy', ':oversubscribe'], ['OMP_NUM_THREADS', 1];
my $dir  = tempdir(CLEANUP => 1);
my $file = "$dir/run.ckp";
my @run  = ($ENV{MPIEXEC} // 'mpiexec', '-n', 2, $program, qw(-adj_tao_type blmvm -adj_tao_monitor -pause 0.01 -da_grid_x 12 -da_grid_y 10
  -adj_trust_level none -adj_forward_pc_type redundant -adj_pc_type redundant));
my ($count, $failed) = (0, 0);

sub ok {
  my ($good, $text) = @_;
  $count++;
  $failed++ unless $good;
  print $good ? '' : 'not ', "ok $count - $text\n";
}

sub start {
  my ($out, @options) = @_;
  my $pid = fork // die "fork: $!\n";
  return $pid if $pid;
  open STDOUT, '>',  $out;
  open STDERR, '>&', \*STDOUT;
  exec @run, @options or die "$run[0]: $!\n";
}

# A process that was started here, and all that it has started
sub descendants {
  my @found = @_;
  my %children;
  for my $stat (glob '/proc/[0-9]*/stat') {
    open my $in, '<', $stat or next;
    my $line = <$in> // next;
    push @{$children{$2}}, $1 if $line =~ /^(\d+) \(.*\) \S (\d+)/;
  }
  for (my $i = 0; $i < @found; $i++) { push @found, @{$children{$found[$i]} // []} }
  return @found;
}

sub slurp { my ($name) = @_; open my $in, '<', $name or return ''; local $/; return <$in> // '' }

# Iteration of the last line of the monitor; objective and number of iterations at the end
sub iteration { my @all = slurp($_[0]) =~ /^\s*(\d+) TAO,/mg; return @all ? $all[-1] : undef }
sub outcome   { return slurp($_[0]) =~ /objective (\S+) after (\d+) iterations, (\d+) evaluations/ }

my $began = time;
waitpid start("$dir/whole"), 0;
my $status = $?;
my ($objective, $its, $evaluations) = outcome("$dir/whole");
ok($status == 0 && defined $objective, 'left alone it ends, after ' . ($its // 'no') . ' iterations');
my $alone = time - $began;
die slurp("$dir/whole") unless defined $objective;

# Killed a random moment after it came to a random one of the iterations that are left, so many that all kills find their place
my ($killed, $torn, $before, $ended) = (0, 0, 0, 0);
while ($killed < $kills && !$ended && $killed + $torn < 3 * $kills) {
  my $out  = "$dir/part$killed";
  my $pid  = start($out, '-adj_checkpoint', $file, '-adj_restart', 'auto');
  my $wait = time + 60;
  sleep 0.002 while !defined iteration($out) && time < $wait && !waitpid $pid, WNOHANG;
  my $first  = iteration($out);
  my $left   = 0.7 * $its - ($first // 0); # a run that was taken up may take another path, and fewer iterations
  my $target = ($first // 0) + ($left > 0 ? rand(1.6 * $left / ($kills - $killed + 1)) : 0);
  $wait = time + 120;
  sleep 0.002 while (iteration($out) // 0) < $target && time < $wait && !waitpid $pid, WNOHANG;
  sleep rand(0.05);
  if (kill 0, $pid) {
    my ($mpiexec, @others) = descendants($pid);
    kill 'KILL', @others, $mpiexec;
    waitpid $pid, 0;
  }
  my $last = iteration($out);
  if (outcome($out)) { $ended = 1; last }
  if (!defined $first || $first < $before) { # refused, or lost more than the iteration in work
    $torn++;
    print STDERR "# not taken up: ", slurp($out);
    last;
  }
  print "# kill $killed: taken up at $first, killed at $last\n" if $ENV{VERBOSE};
  $before = -s $file ? $last - 1 : 0; # the monitor comes before the iterate is written
  $killed++;
}
ok($torn == 0, "after each of $killed kills it is taken up where it was");
ok($killed >= $kills, "killed $killed times before its end");
waitpid start("$dir/rest", '-adj_checkpoint', $file, '-adj_restart', 'auto'), 0;
my ($value, $all, $work) = outcome("$dir/rest");
ok(defined $value && abs($value - $objective) <= 1e-8 * abs($objective),
  sprintf 'in the end the same objective: %s and %s, after %s and %s iterations, %s and %s evaluations', $value // '-', $objective, $all // '-', $its, $work // '-', $evaluations);
ok(!-e "$file.tmp", 'no temporary file is left');
printf "# relative difference %.1e; %.1f s alone, %.1f s with %d kills\n", abs(($value // 0) / $objective - 1), $alone, time - $began - $alone, $killed;
print "1..$count\n";
exit($failed ? 1 : 0);
