//! Components that do not fit the contract, one a feature.

#[cfg(feature = "foreign")]
mod foreign {
    wit_bindgen::generate!({
        inline: "package test:foreign; world foreign { export greet: func() -> string; }",
    });
    struct Component;
    impl Guest for Component {
        fn greet() -> String {
            "hello".into()
        }
    }
    export!(Component);
}

#[cfg(feature = "changed")]
mod changed {
    wit_bindgen::generate!({
        inline: "
            package purser:connector@0.1.0;
            interface manifest { describe: func() -> string; }
            interface mapping { %map: func(page: list<u8>) -> u32; }
            world mapping-plugin { export manifest; export mapping; }
        ",
    });
    struct Component;
    impl exports::purser::connector::manifest::Guest for Component {
        fn describe() -> String {
            String::new()
        }
    }
    impl exports::purser::connector::mapping::Guest for Component {
        fn map(_page: Vec<u8>) -> u32 {
            0
        }
    }
    export!(Component);
}

#[cfg(feature = "newer")]
mod newer {
    wit_bindgen::generate!({
        inline: "
            package purser:connector@0.9.0;
            interface manifest { describe: func() -> string; }
            interface mapping { %map: func(page: list<u8>) -> u32; }
            world mapping-plugin { export manifest; export mapping; }
        ",
    });
    struct Component;
    impl exports::purser::connector::manifest::Guest for Component {
        fn describe() -> String {
            String::new()
        }
    }
    impl exports::purser::connector::mapping::Guest for Component {
        fn map(_page: Vec<u8>) -> u32 {
            0
        }
    }
    export!(Component);
}
