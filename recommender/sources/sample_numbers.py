"""Nothing in, four invented topics out: chance, cause, equations and the flows they describe."""

from __future__ import annotations

from recommender.sources.sample_words import Pair, Topic, words

__all__ = ["PAIRS"]

CAUSAL = Topic(
    name="causal inference",
    categories=("stat.ME", "stat.ML", "econ.EM"),
    field="causal inference from observational data",
    problems=words(
        """estimation of heterogeneous treatment effects; interference between neighbouring units; sensitivity to hidden
        confounding; transport of trial results; mediation with repeated measures; policy evaluation with staggered
        adoption; discovery of causal graphs"""
    ),
    methods=words(
        """doubly robust estimators; instrumental variables; synthetic controls; orthogonal scores; negative controls;
        causal forests; marginal structural models; propensity overlap weights; proximal identification"""
    ),
    objects=words(
        """treatment effects; potential outcomes; unmeasured confounders; exposed units; staggered adopters; propensity
        scores; randomised trials; mediators"""
    ),
    data=words("the School Meals panel; JobTrain-Sim; the Clean Stoves trial; Registry-20y; the Bus Lane study"),
    metrics=words("-bias of the effect estimate; interval coverage; -mean squared error; policy value; -type I error"),
    applications=words(
        """labour market programmes; vaccine effectiveness; minimum wage reform; online experiments; school funding"""
    ),
    gaps=words(
        """overlap is assumed where it plainly fails; confounders are adjusted for because they were recorded; standard
        errors ignore that units influence each other; trial participants look unlike those who are treated; sensitivity
        analyses are run but not reported"""
    ),
    findings=words(
        """a confounder {n} times as strong as age would overturn the conclusion; coverage falls to {p} percent under mild
        interference; effects concentrate among late adopters; trimming changes the question more than the answer;
        forests agree on ranking but not on magnitude; half of the average effect is mediated by attendance"""
    ),
    claims=words(
        """the estimator is root-$n$ consistent when either model is right; identification fails without a bridge function;
        the minimax rate is $n^{-2/(2+d)}$"""
    ),
)

BAYES = Topic(
    name="Bayesian computation",
    categories=("stat.CO", "stat.ML"),
    field="Bayesian computation",
    problems=words(
        """sampling from multimodal posteriors; simulation-based inference; model comparison with improper priors;
        calibration of variational posteriors; inference in hierarchical models; online updating of state-space models;
        prior elicitation from experts"""
    ),
    methods=words(
        """Hamiltonian Monte Carlo; sequential Monte Carlo; normalising flows; variational families; parallel tempering;
        neural posterior estimation; Stein discrepancies; delayed-acceptance kernels; Laplace approximations"""
    ),
    objects=words(
        """posterior draws; proposal kernels; latent states; hierarchical priors; evidence estimates; particle weights;
        intractable likelihoods; energy barriers"""
    ),
    data=words("the Funnel suite; TideGauge-Bayes; the Nine Schools variants; EpiStates; the Lopsided mixtures"),
    metrics=words(
        """effective sample size per second; -calibration error; -log predictive loss; mode coverage; -bias of the evidence"""
    ),
    applications=words(
        """epidemic nowcasting; radiocarbon dating; demand forecasting; clinical dose finding; fisheries assessment"""
    ),
    gaps=words(
        """diagnostics pass while a whole mode is missing; variational intervals are far too short; priors are chosen to
        make the sampler behave; simulators are queried more often than budgets allow; evidence estimates differ by
        several orders of magnitude between codes"""
    ),
    findings=words(
        """tempering with {n} levels finds every mode; {p} percent of the published intervals are overconfident; amortised
        inference pays off after {n} data sets; step size matters more than trajectory length; reparametrising beats
        every clever kernel; diagnostics disagree exactly where samplers fail"""
    ),
    claims=words(
        """the chain is geometrically ergodic under a drift condition; variational error is at least of order $O(1/n)$;
        mixing time grows as $d^{1/4}$ with dimension"""
    ),
)

EQUATIONS = Topic(
    name="numerical analysis",
    categories=("math.NA", "cs.CE"),
    field="numerical methods for partial differential equations",
    problems=words(
        """preconditioning of indefinite systems; time stepping for stiff equations; error control on curved domains;
        low-rank solution of parametric problems; locking-free elements for thin shells; coupling of non-matching
        meshes; discretisation of fractional operators"""
    ),
    methods=words(
        """discontinuous Galerkin schemes; multigrid cycles; exponential integrators; reduced bases; hierarchical matrices;
        virtual elements; randomised low-rank solvers; residual error estimators; domain decomposition"""
    ),
    objects=words(
        """finite element spaces; saddle-point systems; anisotropic meshes; Krylov iterates; boundary layers; quadrature
        points; condition numbers; polyhedral cells"""
    ),
    data=words("the Lamina test problems; ShellBench; the Corner Singularity suite; PoroStack; the Wave Guide cases"),
    metrics=words(
        """-iteration counts; order of convergence; -discretisation error; -wall-clock time; robustness in the contrast"""
    ),
    applications=words(
        """seismic imaging; battery design; groundwater management; antenna simulation; structural health monitoring"""
    ),
    gaps=words(
        """iteration counts grow as soon as coefficients jump; estimators are reliable only on convex domains; theory
        covers meshes that practitioners never use; high order is lost at curved boundaries; constants in the bounds
        hide the contrast"""
    ),
    findings=words(
        """iteration counts stay below {n} for all contrasts; order is recovered up to degree {n}; randomised solvers lose
        {n} digits but save {p} percent of the time; graded meshes remove the pollution effect; the estimator overshoots
        by a factor of {x} at worst; coarse spaces matter more than smoothers"""
    ),
    claims=words(
        r"""the scheme converges at order $O(h^{k+1})$ uniformly in the contrast; the preconditioned spectrum lies in a
        bounded interval; the estimator is equivalent to the error up to oscillation; the solver runs in $O(n \log n)$
        operations"""
    ),
)

FLUIDS = Topic(
    name="turbulent flows",
    categories=("physics.flu-dyn", "physics.comp-ph"),
    field="turbulent flow physics",
    problems=words(
        """drag reduction on rough walls; transition to turbulence in pipes; closure of filtered equations; mixing in
        stratified layers; dispersion of inertial particles; wake interaction of turbines; intermittency of energy
        transfer"""
    ),
    methods=words(
        """direct numerical simulation; large-eddy closures; particle image velocimetry; resolvent analysis; learned
        subgrid models; dynamic mode decomposition; Lagrangian tracking; wall-modelled simulation; data assimilation of
        velocity fields"""
    ),
    objects=words(
        """near-wall streaks; vortex filaments; Reynolds stresses; bubbles and droplets; stratified layers; turbine wakes;
        velocity gradients; shear layers"""
    ),
    data=words("the Riblet channel runs; WakeFarm-18; the Salt Tank experiments; PipePuff; DropletCloud"),
    metrics=words("-drag coefficient; energy spectrum agreement; mixing efficiency; -wall-stress error; dissipation rate"),
    applications=words("offshore wind farms; ship hulls; ocean mixing; combustion chambers; district heating pipes"),
    gaps=words(
        """closures tuned on channels fail behind obstacles; experiments stop well short of natural Reynolds numbers; rough
        walls are described by a single height; rare bursts carry energy that averages conceal; learned models drift
        after a few turnover times"""
    ),
    findings=words(
        """drag falls by {p} percent for riblets of {n} wall units; energy transfer is carried by {p} percent of the
        volume; puffs split before they decay at Reynolds number two thousand; wakes recover faster in stable nights
        than expected; clusters of particles follow the strain rather than the vorticity; learned closures remain stable
        for {n} turnover times"""
    ),
    claims=words(
        """the dissipation anomaly persists at rate $Re^{-1/4}$; optimal transients scale with the square of Reynolds
        number; mixing is bounded by the variance of shear"""
    ),
)

PAIRS = (
    Pair(
        CAUSAL,
        BAYES,
        words(
            """nonparametric priors; Gaussian processes; cross-fitting; bootstrap calibration; hierarchical shrinkage;
        sensitivity analysis"""
        ),
        words("posterior intervals; covariates; longitudinal cohorts; missing outcomes; misspecified models"),
    ),
    Pair(
        EQUATIONS,
        FLUIDS,
        words(
            """neural operators; adaptive mesh refinement; spectral elements; reduced-order models; immersed boundaries;
        implicit time stepping"""
        ),
        words("Navier-Stokes solutions; boundary conditions; velocity fields; conservation laws; mesh resolutions"),
    ),
)
