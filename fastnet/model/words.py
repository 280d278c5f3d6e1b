"""Names in other libraries for the arguments of `Network`, `Network.train` and `Network.SGD`."""

__all__ = ["NETWORK", "NETWORK_TAKES", "SGD", "SGD_TAKES", "TRAIN", "TRAIN_TAKES"]


def _each(words: str, use: str) -> dict[str, str]:
    return dict.fromkeys(words.split(), use)


#: Arguments that `Network` does not have, and what to use instead.
NETWORK = {
    **_each("seed random_state random_seed", "use rng"),
    **_each("loss loss_fn loss_function cost_function criterion objective", "use cost"),
    **_each("layers layer_sizes n_layers num_layers", "use sizes, the units of each layer"),
    **_each(
        "hidden hidden_layers hidden_sizes hidden_layer_sizes n_hidden input_size input_dim "
        "n_inputs n_outputs output_size",
        "use sizes, from the inputs to the outputs",
    ),
    **_each("hidden_activation", "use activation"),
    **_each("output_activation out_activation", "use output"),
    **_each("init weight_init kernel_initializer weight_initializer", "use initializer"),
    **_each("bias_init", "use bias_initializer"),
    **_each(
        "lr eta learning_rate learning_rate_init",
        "`train` takes optimizer=fastnet.SGD(0.1), for example",
    ),
    **_each("momentum", "`train` takes optimizer=fastnet.Momentum()"),
    **_each("batch_size", "`train` takes mini_batch_size"),
    **_each("alpha lmbda weight_decay", "`train` takes l2"),
    **_each("max_iter n_epochs num_epochs", "`train` takes epochs"),
    **_each("solver", "`train` takes optimizer"),
    **_each("verbose", "`train` takes progress=True"),
    **_each(
        "optimizer epochs mini_batch_size schedule l1 l2 dropout metrics callbacks shuffle",
        "`train` takes it",
    ),
}
NETWORK_TAKES = (
    "Network takes the units of all layers as one list, then the cost, and the rest by name: "
    "Network([784, 30, 10], 'quadratic', activation='relu')."
)

_NETWORK_HAS = {
    **_each("seed random_state random_seed rng", "the network has it, as in Network(sizes, rng=0)"),
    **_each(
        "loss loss_fn cost criterion objective",
        "the network has it, as in Network(sizes, 'quadratic')",
    ),
    **_each("activation", "the network has it, as in Network(sizes, activation='relu')"),
}

#: Arguments that `Network.train` does not have, and what to use instead.
TRAIN = {
    **_NETWORK_HAS,
    **_each(
        "lr eta learning_rate learning_rate_init",
        "the optimizer has it, as in optimizer=fastnet.SGD(0.1)",
    ),
    **_each("momentum", "use optimizer=fastnet.Momentum()"),
    **_each("solver optim", "use optimizer"),
    **_each("batch_size", "use mini_batch_size"),
    **_each("X x y inputs targets labels training_data train_data", "use data=(X, y)"),
    **_each(
        "validation_data test_data val_data eval_set X_val y_val validation_split "
        "validation_fraction",
        "use evaluation_data=(X, y)",
    ),
    **_each("lmbda lambda_ alpha weight_decay", "use l2"),
    **_each("n_epochs num_epochs nb_epoch max_iter n_iter iterations", "use epochs"),
    **_each("scheduler lr_scheduler", "use schedule"),
    **_each("early_stopping patience n_iter_no_change", "use callbacks=fastnet.EarlyStopping()"),
    **_each("verbose", "use progress=True"),
}
TRAIN_TAKES = "`train` takes data=(X, y), epochs and mini_batch_size; the rest by name."

#: Arguments that `Network.SGD` does not have, and what to use instead.
SGD = {
    **_NETWORK_HAS,
    **_each("lr learning_rate", "use eta"),
    **_each("batch_size", "use mini_batch_size"),
    **_each("X x y data train_data", "use training_data=(X, y)"),
    **_each("validation_data test_data val_data", "use evaluation_data=(X, y)"),
    **_each("l2 alpha weight_decay", "use lmbda"),
    **_each("n_epochs num_epochs max_iter", "use epochs"),
    **_each("metrics", "use the monitor_... arguments, or `train`"),
    **_each(
        "optimizer schedule momentum dropout l1 callbacks", "use `train`, which has more options"
    ),
    **_each("verbose", "use progress=True"),
}
SGD_TAKES = "`SGD` takes training_data=(X, y), epochs, mini_batch_size and eta, in this order."
